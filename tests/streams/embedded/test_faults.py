"""Commands under load when the database, the connection or the process goes away."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from streams.core.clock import ManualClock
from streams.core.envelope import Envelope, Outcome, Status
from streams.core.gateway import Unavailable, envelop
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import connect, connect_plain
from streams.postgres.installation import InUse, WrongInstallation, acquire_writer_lock, check_master_key, prepare
from streams.postgres.server import NotDurable, check_durable
from tests.contract.runtimes import START, Embedded, Supplier, do, embedded
from tests.contract.shelf import SHELF, OpenJar, OrderFilling, Supply
from tests.databases import OwnServer

BACKENDS = "select pid from pg_stat_activity where application_name = %s and datname = current_database()"

WAITING_FOR_LOCK = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"

LEFT_RUNNING = (
    "insert into headwater.tasks (id, context, kind, state, due_at, name, body, reply_name, reply_body,"
    " correlation_id, event_id, attempts, owner, lease_until)"
    " values (gen_random_uuid(), 'shelf', 'call', 'running', now() - interval '1 day', 'shelf.supply.v1',"
    """ '{"jar": "plums", "owner": "ada", "grams": 1}', 'shelf.jar.record_supply.v1',"""
    """ '{"at": "2026-01-05T09:00:00Z", "jar": "plums", "owner": "ada"}',"""
    " gen_random_uuid(), gen_random_uuid(), 1, 'somebody gone', now() + interval '1 hour')"
)


async def open_jar(shelf: Embedded, id_: UUID) -> Outcome:
    return await do(shelf, OpenJar(at=START, jar=str(id_), owner=f"owner {id_.int % 11}"), command_id=id_)


async def terminate(dsn: str, application: str) -> None:
    async with await connect(dsn) as connection:
        await connection.execute(f"select pg_terminate_backend(pid) from ({BACKENDS}) as b", (application,))


async def happened(shelf: Embedded) -> Counter[UUID]:
    return Counter(r.command_id for r in await shelf.journal() if r.name == "shelf.jar.opened.v1")


async def test_a_connection_lost_again_and_again_under_load_loses_and_doubles_nothing(database: str) -> None:
    async with embedded(database) as shelf:
        ids = [uuid4() for _ in range(600)]
        acknowledged: list[UUID] = []

        async def cut() -> None:
            """Up to three times in a row, so that reconnecting is hit too; then something must go through."""
            while len(acknowledged) < len(ids):
                for _ in range(random.randint(1, 3)):
                    await terminate(database, "headwater writer")
                    await asyncio.sleep(random.uniform(0, 0.02))
                await _grows(lambda: len(acknowledged), min(20, len(ids) - len(acknowledged)) - 1)

        async def client(mine: list[UUID]) -> None:
            for id_ in mine:
                assert (await open_jar(shelf, id_)).status is Status.ACCEPTED
                acknowledged.append(id_)

        cutting = asyncio.create_task(cut())
        await asyncio.gather(*(client(ids[n::20]) for n in range(20)))
        await cutting
        assert await happened(shelf) == Counter(ids)


async def test_a_second_process_on_the_same_data_is_refused_and_the_first_goes_on(database: str) -> None:
    async with embedded(database) as shelf:
        with pytest.raises(InUse, match="another headwater process is using this data"):
            async with embedded(database):
                pytest.fail("two writers")
        assert (await open_jar(shelf, uuid4())).status is Status.ACCEPTED


async def test_a_backend_of_its_own_lost_connection_is_waited_for_and_is_no_second_process(database: str) -> None:
    """A machine under load may take longer over a commit than a start has patience with another process."""
    held = await acquire_writer_lock(database)
    waiting = asyncio.create_task(acquire_writer_lock(database, 0.1, former=held.info.backend_pid))
    with pytest.raises(InUse):
        await acquire_writer_lock(database, 0.3)
    assert not waiting.done()
    await held.close()
    async with asyncio.timeout(60):
        await (await waiting).close()


async def test_a_start_takes_over_at_once_from_a_process_that_has_gone(database: str) -> None:
    for _ in range(3):
        async with embedded(database) as shelf:
            await open_jar(shelf, uuid4())


async def test_a_writer_that_was_overtaken_stops_instead_of_writing(database: str) -> None:
    async with embedded(database) as shelf:
        failures: list[BaseException] = []
        shelf.runtime.gateway.on_failure = failures.append
        async with await connect(database) as usurper:
            await usurper.execute("update headwater.partitions set sequence = sequence + 1")
        with pytest.raises(Unavailable):
            await shelf.runtime.gateway.submit(_envelope(), 1.0)
        assert isinstance(failures[0], InUse)
        assert await shelf.journal() == []


async def test_another_number_of_partitions_is_refused(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 4)
        with pytest.raises(WrongInstallation, match="HEADWATER_PARTITIONS=4"):
            prepare(connection, [SHELF], 8)


async def test_a_history_is_in_one_place_and_a_runtime_that_looks_elsewhere_is_refused(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 4, "kafka")
        prepare(connection, [SHELF], 4)
        async with embedded(database) as shelf:
            await open_jar(shelf, uuid4())
        with pytest.raises(WrongInstallation, match="move it first"):
            prepare(connection, [SHELF], 4, "kafka")
        connection.execute("update headwater.installation set log = 'kafka'")
        with pytest.raises(WrongInstallation, match="set HEADWATER_KAFKA"):
            async with embedded(database):
                pytest.fail("two histories")


async def test_another_master_key_than_the_installation_was_born_with_is_refused(database: str) -> None:
    async with embedded(database):
        pass
    with connect_plain(database) as connection:
        check_master_key(connection, bytes(32))
        with pytest.raises(WrongInstallation, match="another master key"):
            check_master_key(connection, bytes(31) + b"1")
    another = EmbeddedRuntime(database, [SHELF], bytes(31) + b"1", ManualClock(START), {("shelf", Supply): Supplier()})
    with pytest.raises(WrongInstallation, match="another master key"):
        async with another.run():
            pytest.fail("two keys")


@pytest.mark.parametrize("setting", ["synchronous_commit"])
async def test_a_server_that_could_lose_acknowledged_writes_is_refused(database: str, setting: str) -> None:
    with connect_plain(database) as connection:
        check_durable(connection)
        connection.execute(f"set {setting} = off")
        with pytest.raises(NotDurable, match=f"{setting} = off"):
            check_durable(connection)


async def test_a_command_that_cannot_be_taken_in_time_is_turned_away_and_never_happens(database: str) -> None:
    async with embedded(database) as shelf, await connect(database) as blocker:
        await open_jar(shelf, uuid4())
        await blocker.execute("begin")
        await blocker.execute("lock table headwater.journal in exclusive mode")
        stuck = asyncio.create_task(shelf.runtime.gateway.submit(_envelope(), 0.5))
        await _blocked(blocker)
        late = _envelope()
        with pytest.raises(Unavailable) as turned_away:
            await shelf.runtime.gateway.submit(late, 0.2)
        assert not turned_away.value.maybe_recorded
        with pytest.raises(Unavailable) as unknown:
            await stuck
        assert unknown.value.maybe_recorded
        await blocker.execute("rollback")
        assert (await open_jar(shelf, uuid4())).status is Status.ACCEPTED
        assert late.command_id not in {record.command_id for record in await shelf.journal()}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[OwnServer]:
    """A server that this test may stop and start."""
    own = OwnServer(tmp_path / "postgres")
    yield own
    own.leave()


@pytest.mark.faults
async def test_a_database_stopped_and_started_under_load_costs_only_the_requests_in_between(
    own_server: OwnServer,
) -> None:
    answered: Counter[str] = Counter()
    acknowledged: list[UUID] = []
    async with embedded(own_server.dsn) as shelf:
        stop = asyncio.Event()

        async def client() -> None:
            while not stop.is_set():
                id_ = uuid4()
                try:
                    await shelf.runtime.gateway.submit(_opening(id_), 0.5)
                except Unavailable:
                    answered["unavailable"] += 1
                    assert shelf.runtime.gateway.failure is None, "the writer has ended for good"
                    await asyncio.sleep(0)  # it may be raised without a pause, and the loop would get no turn
                else:
                    acknowledged.append(id_)

        clients = [asyncio.create_task(client()) for _ in range(16)]
        await _until(lambda: len(acknowledged) > 100)
        for how in (signal.SIGQUIT, signal.SIGINT):
            await asyncio.to_thread(own_server.stop, how)
            await _grows(lambda: answered["unavailable"], 16)
            await asyncio.to_thread(own_server.start)
            await _grows(lambda: len(acknowledged), 100)
        stop.set()
        await asyncio.gather(*clients)
        counts = await happened(shelf)
        assert set(acknowledged) <= set(counts)
        assert set(counts.values()) == {1}


async def test_a_call_that_was_under_way_when_the_process_died_is_unconfirmed_and_not_repeated(database: str) -> None:
    async with embedded(database, idempotent=False) as shelf:
        await do(shelf, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
        await shelf.settle()
    await _as_if_left_running(database)
    async with embedded(database, idempotent=False) as shelf:
        await shelf.settle()
        assert shelf.supplier.keys == []
        supplied = [r.data for r in await shelf.journal() if r.name == "shelf.jar.supplied.v1"]
        assert b"unconfirmed" in supplied[-1]


async def test_a_call_that_was_under_way_is_made_again_where_the_provider_recognises_it(database: str) -> None:
    async with embedded(database):
        pass
    await _as_if_left_running(database)
    async with embedded(database) as shelf:
        await shelf.settle()
        assert len(shelf.supplier.keys) == 1
        supplied = [r.data for r in await shelf.journal() if r.name == "shelf.jar.supplied.v1"]
        assert b"accepted" in supplied[-1]


async def _as_if_left_running(database: str) -> None:
    """Puts a call back as a process leaves it that is killed between making the call and recording the answer."""
    async with await connect(database) as connection:
        await connection.execute(LEFT_RUNNING)


def _opening(id_: UUID) -> Envelope:
    return envelop(OpenJar(at=START, jar=str(id_), owner="ada"), "shelf", 4, "test", id_)


def _envelope() -> Envelope:
    return _opening(uuid4())


async def _blocked(watcher: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Until a commit waits for a lock."""
    async with asyncio.timeout(60):
        while (await (await watcher.execute(WAITING_FOR_LOCK)).fetchone()) == (0,):
            await asyncio.sleep(0.005)


async def _grows(count: Callable[[], int], by: int) -> None:
    start = count()
    await _until(lambda: count() > start + by)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)

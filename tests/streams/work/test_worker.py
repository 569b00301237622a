"""The worker of a running installation: shares of keys, tasks that cannot go on, and how often it looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from domain.messages import Result
from streams.core.calls import Accepted, Verdict
from streams.core.clock import ManualClock
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import Statement, connect
from streams.postgres.status import KeptTask, installation
from streams.postgres.task_claims import abandoned
from streams.work import worker as module
from streams.work.slots import SHARE, SLOTS
from streams.work.task_runner import TaskRunner
from streams.work.worker import Worker
from tests.contract.runtimes import PARTITIONS, START, Embedded, Supplier, do, embedded, fill
from tests.contract.shelf import SHELF, EmptyLater, JarSupplied, OrderFilling, Supply

UNREADABLE = (
    "insert into headwater.tasks (id, context, kind, due_at, name, body, correlation_id, event_id)"
    " values (gen_random_uuid(), 'shelf', %s, '2026-01-01Z', %s, %s, gen_random_uuid(), gen_random_uuid())"
)


@pytest.fixture(autouse=True)
def _no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was not woken where it should have been is not saved by its next poll."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 600.0)


class SlowSupplier(Supplier):
    """A supplier that lets one owner, or all, wait until `answering` is set. `hanging` counts those that wait."""

    def __init__(self, slow: str | None) -> None:
        super().__init__()
        self._slow = slow
        self.answering = asyncio.Event()
        self.hanging = 0

    async def __call__(self, effect: Supply, key: str) -> Verdict:
        if self._slow in (None, effect.owner):
            self.hanging += 1
            await self.answering.wait()
            self.hanging -= 1
        return await super().__call__(effect, key)


@asynccontextmanager
async def supplied_by(dsn: str, supplier: Supplier) -> AsyncIterator[Embedded]:
    """An embedded runtime of the shelf with this supplier."""
    clock = ManualClock(START)
    runtime = EmbeddedRuntime(dsn, [SHELF], bytes(32), clock, {("shelf", Supply): supplier}, PARTITIONS)
    async with runtime.run():
        yield Embedded(runtime, clock, supplier)


async def order(shelf: Embedded, owner: str, jar: str | None = None) -> None:
    await do(shelf, OrderFilling(at=START, jar=jar or f"{owner} {uuid4()}", owner=owner, grams=1))


async def kept(shelf: Embedded) -> list[KeptTask]:
    async with await connect(shelf.runtime.dsn) as connection:
        return (await installation(connection)).kept_tasks


async def results(shelf: Embedded) -> list[str]:
    rows = [record.data for record in await shelf.journal() if record.name == JarSupplied.name]
    return [JarSupplied.model_validate_json(data).result for data in rows]


async def until_supplied(shelf: Embedded, times: int) -> None:
    async with asyncio.timeout(60):
        while len(shelf.supplier.keys) < times:
            await asyncio.sleep(0.005)


async def until_recorded(shelf: Embedded, times: int) -> None:
    """A kept task is not due, so it cannot be waited for by `settle`."""
    async with asyncio.timeout(60):
        while len(await results(shelf)) < times:
            await asyncio.sleep(0.01)


async def test_calls_of_one_key_that_hang_hold_up_no_call_of_another(database: str) -> None:
    slow = SlowSupplier("ada")
    async with supplied_by(database, slow) as shelf:
        await asyncio.gather(*(order(shelf, "ada") for _ in range(2 * SLOTS)))
        async with asyncio.timeout(60):
            while slow.hanging < SLOTS - SHARE:
                await asyncio.sleep(0.005)
        for number in range(1, 3):
            await order(shelf, "bob")
            await until_supplied(shelf, number)
        assert slow.hanging == SLOTS - SHARE, "and alone it has all slots but those that stay free"
        slow.answering.set()
        await shelf.settle()
        assert len(slow.keys) == 2 * SLOTS + 2


async def test_what_finds_no_slot_is_called_as_soon_as_one_is_free(database: str) -> None:
    slow = SlowSupplier(None)
    async with supplied_by(database, slow) as shelf:
        await asyncio.gather(*(order(shelf, f"owner {number}") for number in range(SLOTS + 3)))
        async with asyncio.timeout(60):
            while slow.hanging < SLOTS:
                await asyncio.sleep(0.005)
        slow.answering.set()
        await until_supplied(shelf, SLOTS + 3)


async def test_keys_share_the_slots_evenly_when_all_of_them_hang(database: str) -> None:
    slow = SlowSupplier("ada")
    async with supplied_by(database, slow) as shelf:
        await asyncio.gather(*(order(shelf, "ada") for _ in range(SHARE)))
        async with asyncio.timeout(60):
            while slow.hanging < SHARE:
                await asyncio.sleep(0.005)
        many = [order(shelf, owner) for owner in ("bob", "eve", "tom") for _ in range(3 * SHARE)]
        await asyncio.gather(*many, order(shelf, "ada"))
        await until_supplied(shelf, len(many))
        slow.answering.set()
        await shelf.settle()
        assert len(slow.keys) == len(many) + SHARE + 1


@pytest.mark.parametrize(
    ("kind", "name", "body", "error"),
    [
        ("call", "shelf.unheard_of.v1", "{}", "no performer is known for this effect"),
        ("call", "shelf.supply.v1", '{"jar": "plums"}', "it cannot be read: ValidationError"),
        ("timer", "shelf.jar.shake.v1", "{}", "it cannot be read: UnknownName"),
        ("timer", "shelf.supply.v1", '{"jar": "a", "owner": "b", "grams": 1}', ""),
    ],
)
async def test_a_task_that_cannot_be_read_is_kept_shown_and_stops_no_other(
    database: str, kind: str, name: str, body: str, error: str
) -> None:
    async with embedded(database):
        pass
    async with await connect(database) as connection:
        await connection.execute(UNREADABLE, (kind, name, body))
        async with embedded(database) as shelf:
            await order(shelf, "ada")
            await shelf.settle()
            assert len(shelf.supplier.keys) == 1
            (task,) = await kept(shelf)
            assert (task.name, task.state, task.kind) == (name, "failed" if not error else "unreadable", kind)
            assert task.error == (error or "the task raised AssertionError")
        if kind == "call":
            mended = """update headwater.tasks set name = 'shelf.supply.v1', reply_name = 'shelf.jar.record_supply.v1',
                body = '{"jar": "plums", "owner": "ada", "grams": 1}',
                reply_body = '{"at": "2026-01-05T09:00:00Z", "jar": "plums", "owner": "ada"}'"""
            await connection.execute(mended)
            async with embedded(database) as shelf:
                await until_recorded(shelf, 2)
                assert await kept(shelf) == []
                assert await results(shelf) == [Result.ACCEPTED, Result.ACCEPTED]


class StumblingSupplier(Supplier):
    """A supplier with a bug: the first call raises."""

    def answer(self, key: str) -> Verdict:
        self.keys.append(key)
        if len(self.keys) == 1:
            raise ZeroDivisionError("plums")
        return Accepted("plums")


@pytest.mark.parametrize(("idempotent", "result", "calls"), [(True, Result.ACCEPTED, 2), (False, "unconfirmed", 1)])
async def test_a_call_that_raises_is_kept_and_made_again_only_where_that_is_recognised(
    database: str, idempotent: bool, result: str, calls: int
) -> None:
    supplier = StumblingSupplier(idempotent)
    async with supplied_by(database, supplier) as shelf:
        await order(shelf, "ada")
        await shelf.settle()
        (task,) = await kept(shelf)
        assert (task.state, task.error) == ("failed", "the task raised ZeroDivisionError")
    async with supplied_by(database, supplier) as shelf:
        await until_recorded(shelf, 1)
        assert await kept(shelf) == []
        assert await results(shelf) == [result]
        assert len(supplier.keys) == calls


async def test_an_answer_that_was_kept_and_whose_worker_then_ended_is_still_the_answer(database: str) -> None:
    async with embedded(database, idempotent=False) as shelf:
        await do(shelf, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
        await shelf.settle()
    row = """insert into headwater.tasks (id, context, kind, state, due_at, name, body, reply_name, reply_body,
               correlation_id, event_id, attempts, owner, lease_until, answered)
             values (gen_random_uuid(), 'shelf', 'call', 'running', '2026-01-01Z', 'shelf.supply.v1',
               '{"jar": "plums", "owner": "ada", "grams": 1}', 'shelf.jar.record_supply.v1',
               '{"at": "2026-01-05T09:00:00Z", "jar": "plums", "owner": "ada",
                 "attempt": {"result": "accepted", "number": 1, "provider_id": "kept"}}',
               gen_random_uuid(), gen_random_uuid(), 1, 'somebody gone', now() + interval '1 hour', true)"""
    async with await connect(database) as connection:
        await connection.execute(row)
    async with embedded(database, idempotent=False) as shelf:
        await shelf.settle()
        assert shelf.supplier.keys == []
        assert await results(shelf) == [Result.ACCEPTED, Result.ACCEPTED]


async def test_a_worker_that_ends_before_it_has_kept_the_answer_loses_it_not(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of the failed command holds the answer."""
    async with embedded(database, idempotent=False) as shelf:
        await do(shelf, fill(13))
        with monkeypatch.context() as ended:
            ended.setattr(TaskRunner, "keep", lambda *_: asyncio.sleep(0))
            await order(shelf, "ada", "plums")
            async with await connect(database) as connection, asyncio.timeout(60):
                answered = "select from headwater.tasks where answered"
                while await (await connection.execute(answered)).fetchone() is None:
                    await asyncio.sleep(0.01)
        await do(shelf, fill(1))
    async with embedded(database, idempotent=False) as shelf:
        await until_recorded(shelf, 1)
        assert shelf.supplier.keys == []
        assert await results(shelf) == [Result.ACCEPTED]


class Rounds:
    """The rounds of every worker, and the times it looked for what dead workers left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = self.sweeps = 0
        self.resting = asyncio.Event()
        real_round, real_rest, real_abandoned = Worker._round, Worker._rest, abandoned

        async def counted(worker: Worker) -> bool:
            self.begun += 1
            return await real_round(worker)

        async def noticed(worker: Worker) -> None:
            self.resting.set()
            await real_rest(worker)

        def swept(*arguments: Any) -> Statement:
            self.sweeps += 1
            return real_abandoned(*arguments)

        monkeypatch.setattr(Worker, "_round", counted)
        monkeypatch.setattr(Worker, "_rest", noticed)
        monkeypatch.setattr(module, "abandoned", swept)

    async def rest(self) -> None:
        """Returns when the worker has nothing to do."""
        async with asyncio.timeout(60):
            await self.resting.wait()
        self.resting.clear()


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    return Rounds(monkeypatch)


async def test_a_worker_with_nothing_to_do_rests(database: str, rounds: Rounds) -> None:
    async with embedded(database):
        await rounds.rest()
        for _ in range(20):
            await asyncio.sleep(0.01)  # a worker that did not rest would look a hundred times meanwhile
        assert rounds.begun <= 2


async def test_a_worker_that_waits_for_a_call_rests_meanwhile(database: str, rounds: Rounds) -> None:
    slow = SlowSupplier("ada")
    async with supplied_by(database, slow) as shelf:
        await asyncio.gather(*(order(shelf, "ada") for _ in range(2 * SLOTS)))
        async with asyncio.timeout(60):
            while slow.hanging < SLOTS - SHARE:
                await asyncio.sleep(0.005)
        rounds.resting.clear()
        shelf.worker.due(START)
        await rounds.rest()
        before = rounds.begun
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert rounds.begun <= before + 1, "what is due has no slot, so there is nothing to look for"
        slow.answering.set()


async def test_a_worker_that_is_woken_often_leaves_no_waits_behind_and_sweeps_once(
    database: str, rounds: Rounds
) -> None:
    async with embedded(database) as shelf:
        await do(shelf, EmptyLater(at=START, jar="plums", owner="ada"))
        await rounds.rest()
        before = len(asyncio.all_tasks())
        for _ in range(20):
            shelf.worker.due(START)
            await rounds.rest()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= before + 3
        assert rounds.begun > 20
        assert rounds.sweeps == 1

"""Server faults under load: the broker and PostgreSQL killed and restarted, and a projection that cannot keep up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.core.gateway import Pending
from streams.kafka import watchdog
from streams.kafka.processor import ignore
from streams.kafka.protocol import PROTOCOL
from streams.kafka.settings import Cluster
from streams.kafka.transactions import StoppedWithoutBroker, Transactions
from streams.postgres.database import connect_plain
from tests.databases import OwnServer
from tests.streams.kafka.broker import Broker, Kafka, free_port
from tests.streams.kafka.runtime import distributed, until
from tests.streams.kafka.test_projector_faults import fill
from tests.streams.kafka.under_load import loaded

pytestmark = pytest.mark.faults


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[OwnServer]:
    """A PostgreSQL that belongs to one test."""
    own = OwnServer(tmp_path / "postgres")
    yield own
    own.leave()


async def test_a_broker_killed_and_started_again_under_load(broker: Broker, database: str) -> None:
    """A client call may hang for ever after this: the watchdog ends the process, and its supervisor starts another."""
    async with loaded(Kafka(broker.bootstrap), database, "p1", "p2", supervised=True) as (_, load):
        broker.kill()
        await asyncio.to_thread(broker.start)
        await load.answers(200, 60.0)


async def test_postgresql_crashed_and_started_again_under_load(kafka: Kafka, postgres: OwnServer) -> None:
    async with loaded(kafka, postgres.dsn, "p1") as (_, load):
        for _ in range(2):
            await asyncio.to_thread(postgres.stop, signal.SIGQUIT)
            await asyncio.sleep(1)
            await asyncio.to_thread(postgres.start)
            await load.answers(100)


async def test_a_processor_takes_no_more_commands_while_the_read_side_is_too_far_behind(
    kafka: Kafka, database: str
) -> None:
    async with distributed(kafka, database, processors=()) as runtime:
        runtime.roles.start("processor", "p1", "--overlay", "50")
        await fill(runtime.gateway, 0)
        runtime.roles.signal("j1", signal.SIGSTOP)
        waiting = [asyncio.create_task(fill(runtime.gateway, 0, seconds=60.0)) for _ in range(40)]
        await until(lambda: "taking no commands" in runtime.roles.printed("p1"))
        with pytest.raises(Pending):
            await fill(runtime.gateway, 1, seconds=1.0)
        runtime.roles.signal("j1", signal.SIGCONT)
        await asyncio.gather(*waiting)
        await until(lambda: "taking commands again" in runtime.roles.printed("p1"))
        await fill(runtime.gateway, 1)


async def test_a_partition_whose_read_side_has_halted_does_not_hold_back_the_others(
    kafka: Kafka, database: str
) -> None:
    async with distributed(kafka, database, processors=()) as runtime:
        runtime.roles.start("processor", "p1", "--overlay", "40")
        await fill(runtime.gateway, 0)
        with connect_plain(database) as connection:
            connection.execute("alter table headwater.journal add constraint broken check (partition <> 0) not valid")
        unanswered = [asyncio.create_task(fill(runtime.gateway, 0, seconds=60.0)) for _ in range(60)]
        await until(lambda: "taking no commands of shelf/0" in runtime.roles.printed("p1"))
        for _ in range(30):
            await fill(runtime.gateway, 1)
        assert "taking no commands of shelf/1" not in runtime.roles.printed("p1")
        for one in unanswered:
            one.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)


async def test_a_processor_that_starts_far_ahead_of_the_read_side_waits_instead_of_reading_the_log_into_memory(
    kafka: Kafka, database: str
) -> None:
    """As after a database was put back from an old backup."""
    async with distributed(kafka, database) as runtime:
        await fill(runtime.gateway, 0)
        runtime.roles.kill("j1")
        for _ in range(5):
            with pytest.raises(Pending):
                await fill(runtime.gateway, 0, seconds=0.3)
        runtime.roles.stop("p1")
        runtime.roles.start("processor", "p2", "--overlay", "5")
        await until(lambda: "shelf/0 waits for the projector" in runtime.roles.printed("p2"))
        await until(lambda: "serving shelf/1" in runtime.roles.printed("p2"))
        assert "serving shelf/0" not in runtime.roles.printed("p2")
        runtime.roles.start("projector", "j1")
        await fill(runtime.gateway, 0)
        assert "serving shelf/0" in runtime.roles.printed("p2")


def test_a_processor_that_is_told_to_stop_while_there_is_no_broker_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "RETRY_SECONDS", 0.0)
    tries = iter([False, True])
    away = Cluster(f"127.0.0.1:{free_port()}")
    with pytest.raises(StoppedWithoutBroker):
        Transactions(away, "p1", PROTOCOL, ignore, 10.0, lambda: next(tries)).restart()

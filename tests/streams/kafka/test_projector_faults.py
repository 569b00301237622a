"""Projector faults under load: after kills, suspensions and unreadable records the journal equals the log."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer
from psycopg import Connection

from streams.core.envelope import Outcome, Status
from streams.core.gateway import Pending, envelop
from streams.core.partitions import partition_of
from streams.core.read_models import Row
from streams.kafka.gateway import KafkaGateway
from streams.postgres.database import connect_plain
from tests.contract.runtimes import PARTITIONS, START
from tests.contract.shelf import FillJar
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import Processes, distributed, until
from tests.streams.kafka.under_load import PAST_THE_SESSION, loaded

pytestmark = pytest.mark.faults


async def test_projectors_killed_at_random_moments_lose_and_double_nothing(kafka: Kafka, database: str) -> None:
    chance = random.Random(2)
    async with loaded(kafka, database, "p1", projectors=("j1", "j2")) as (roles, load):
        for _ in range(5):
            await asyncio.sleep(chance.uniform(0.2, 1.0))
            name = chance.choice(("j1", "j2"))
            roles.kill(name)
            roles.start("projector", name)
            await load.answers(50)


async def test_a_projector_asleep_past_its_session_is_fenced_by_the_checkpoint_when_it_wakes(
    kafka: Kafka, database: str
) -> None:
    async with loaded(kafka, database, "p1", projectors=("j1", "j2")) as (roles, load):
        for name in ("j1", "j2"):
            roles.signal(name, signal.SIGSTOP)
            await asyncio.sleep(PAST_THE_SESSION)
            await load.answers(50)
            roles.signal(name, signal.SIGCONT)
            await load.answers(100)


def owner_in(partition: int) -> str:
    """An owner whose jars live in this partition."""
    return next(f"o{n}" for n in range(100) if partition_of(f"o{n}", PARTITIONS) == partition)


async def fill(gateway: KafkaGateway, partition: int, grams: int = 1, seconds: float = 60) -> Outcome:
    owner = owner_in(partition)
    command = FillJar(at=START, jar=f"{owner}'s", owner=owner, grams=grams)
    return await gateway.submit(envelop(command, "shelf", PARTITIONS, "test"), seconds)


@contextmanager
def looking(roles: Processes) -> Iterator[Connection[Row]]:
    with connect_plain(roles.dsn) as connection:
        yield connection


def halts(connection: Connection[Row]) -> list[Row]:
    return connection.execute("select role, partition, error from headwater.log_halts order by role").fetchall()


async def test_a_record_that_nobody_can_read_halts_its_partition_is_shown_and_nothing_is_skipped(
    kafka: Kafka, database: str
) -> None:
    async with distributed(kafka, database) as runtime:
        before = await fill(runtime.gateway, 0)
        producer = Producer(runtime.roles.cluster.client())
        producer.produce(runtime.roles.cluster.events("shelf"), b"junk", b"junk", 0)
        producer.flush(10)
        with looking(runtime.roles) as connection:
            await until(lambda: bool(halts(connection)))
            ((role, partition, error),) = halts(connection)
            assert (role, partition) == ("projector", 0)
            assert "Unreadable: no header 'sequence'" in error
            with pytest.raises(Pending):
                await fill(runtime.gateway, 0, seconds=1.0)
            assert (await fill(runtime.gateway, 1)).status is Status.ACCEPTED
            for name, role in (("j1", "projector"), ("p1", "processor")):
                runtime.roles.stop(name)
                runtime.roles.start(role, name)
            await until(lambda: [(r, p) for r, p, _ in halts(connection)] == [("processor", 0), ("projector", 0)])
            assert (await fill(runtime.gateway, 1)).status is Status.ACCEPTED
            sequence = connection.execute(
                "select sequence from headwater.partitions where context = 'shelf' and partition = 0"
            ).fetchone()
            assert sequence == (before.position.sequence,)


async def test_a_table_that_refuses_its_rows_halts_alone_and_the_log_is_followed_on(
    kafka: Kafka, database: str
) -> None:
    async with distributed(kafka, database) as runtime:
        await fill(runtime.gateway, 0, grams=5)
        assert (await fill(runtime.gateway, 0, grams=-3_000_000_000)).status is Status.ACCEPTED
        assert (await fill(runtime.gateway, 1)).status is Status.ACCEPTED
        with looking(runtime.roles) as connection:
            halted = connection.execute("select name, error from headwater.projections where halted_at is not null")
            ((name, error),) = halted.fetchall()
            assert (name, "NumericValueOutOfRange" in error) == ("shelf_jars", True)
            assert halts(connection) == []


async def test_a_projection_that_raises_halts_alone(kafka: Kafka, database: str) -> None:
    async with distributed(kafka, database) as runtime:
        assert (await fill(runtime.gateway, 0, grams=666)).status is Status.ACCEPTED
        assert (await fill(runtime.gateway, 0, grams=1)).status is Status.ACCEPTED
        with looking(runtime.roles) as connection:
            halted = connection.execute("select name, halted_at from headwater.projections where halted_at is not null")
            assert halted.fetchall() == [("shelf_jars", "shelf/0/1")]

"""Move of an embedded installation to Kafka: it continues there with the same log, down to the last hash."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import Producer
from psycopg import Connection

from streams.core.envelope import Status
from streams.core.read_models import Row
from streams.kafka.move import CannotMove, move
from streams.kafka.settings import Cluster
from streams.kafka.topics import create
from streams.postgres.database import connect_plain
from tests.contract.runtimes import PARTITIONS, START, Supplier, do, embedded
from tests.contract.shelf import EmptyLater, FillJar, OpenJar
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import ONE_BROKER, Processes, new_cluster, working
from tests.streams.kafka.verify import read_log


def fill(grams: int, owner: str = "ada") -> FillJar:
    return FillJar(at=START, jar=f"{owner}'s", owner=owner, grams=grams)


async def history(dsn: str) -> None:
    """Something in every partition, a timer, and values of a person."""
    async with embedded(dsn) as runtime:
        await do(runtime, OpenJar(at=START, jar="ada's", owner="ada", note="for my aunt Agatha"))
        await asyncio.gather(*(do(runtime, fill(100, f"owner {n}")) for n in range(50)))
        await do(runtime, fill(900))
        await do(runtime, EmptyLater(at=START, jar="ada's", owner="ada"))


@pytest.mark.faults
async def test_an_installation_goes_on_where_it_was_after_its_move(kafka: Kafka, database: str) -> None:
    await history(database)
    roles = Processes(new_cluster(kafka), database)
    create(roles.cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection:
        moved = move(connection, roles.cluster, ["shelf"])
        assert connection.execute("select count(*) from headwater.journal").fetchone() == (moved,)
        assert connection.execute("select log from headwater.installation").fetchone() == ("kafka",)
    roles.start("projector", "j1")
    roles.start("processor", "p1")
    try:
        async with working(roles, Supplier()) as runtime:
            assert read_log(roles) == await runtime.journal()
            refused = await do(runtime, fill(200))
            assert refused.problem is not None
            assert refused.problem.details == {"grams": 900}
            assert (await do(runtime, fill(1))).status is Status.ACCEPTED
            assert (await runtime.rows("shelf_jars"))["ada's"]["note"] == "for my aunt Agatha"
            assert read_log(roles) == await runtime.journal()
    finally:
        roles.stop_all()


@pytest.mark.parametrize("kind", ["events", "commands"])
async def test_a_move_into_topics_that_hold_something_else_is_refused_without_advice_to_destroy_it(
    kafka: Kafka, database: str, kind: str
) -> None:
    await history(database)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    produce_stray(cluster, kind)
    with connect_plain(database) as connection:
        with pytest.raises(CannotMove, match=f"{kind}/2 holds what is not of this installation") as refused:
            move(connection, cluster, ["shelf"])
        assert "delete" not in str(refused.value)
        assert "HEADWATER_PREFIX" in str(refused.value)
        assert not_moved(connection)


async def test_a_move_that_was_broken_off_goes_on_where_it_was(kafka: Kafka, database: str) -> None:
    await history(database)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection, pytest.raises(KeyboardInterrupt):
        move(connection, cluster, ["shelf"], break_off)
    with connect_plain(database) as connection:
        copied: list[int] = []
        records = move(connection, cluster, ["shelf"], copied.append)
        assert connection.execute("select count(*) from headwater.journal").fetchone() == (records,)
        assert 0 < sum(copied) < records


def break_off(_records: int) -> None:
    raise KeyboardInterrupt


async def test_an_installation_that_was_moved_says_so(kafka: Kafka, database: str) -> None:
    await history(database)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection:
        records = move(connection, cluster, ["shelf"])
        with pytest.raises(CannotMove, match=rf"was moved already: .* \({records} records are there\)"):
            move(connection, cluster, ["shelf"])


async def test_a_move_of_an_installation_that_is_running_is_refused(kafka: Kafka, database: str) -> None:
    cluster = new_cluster(kafka)
    async with embedded(database):
        with connect_plain(database) as connection, pytest.raises(CannotMove, match="stop it first"):
            move(connection, cluster, ["shelf"])


ADDED = """
    insert into headwater.journal
    select (jsonb_populate_record(l, jsonb_build_object('sequence', l.sequence + 1, 'event_id', gen_random_uuid(),
            'stream', 'jar/added'))).*
      from headwater.journal l where partition = 0 order by l.sequence desc limit 1
"""
CHANGED = "update headwater.journal set actor = 'somebody else' where partition = 0 and sequence = 1"


@pytest.mark.parametrize(
    ("change", "said"), [(CHANGED, "differs .* at shelf/0/1$"), (ADDED, "lacks shelf/0/")], ids=["changed", "added"]
)
async def test_a_copy_that_is_not_the_journal_s_is_not_followed(
    kafka: Kafka, database: str, change: str, said: str
) -> None:
    """Somebody changes the journal when its first partition has been copied, before it is verified."""
    await history(database)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection, connect_plain(database) as other:
        steps = iter([None, change])

        def meanwhile(_records: int) -> None:
            if (now := next(steps, None)) is not None:
                other.execute(now.encode())

        with pytest.raises(CannotMove, match=said):
            move(connection, cluster, ["shelf"], meanwhile)
        assert not_moved(connection)


async def test_a_copy_with_something_else_in_it_is_not_followed(kafka: Kafka, database: str) -> None:
    await history(database)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection:
        with pytest.raises(CannotMove, match=r"shelf/2 cannot be read back: no header"):
            move(connection, cluster, ["shelf"], lambda _: produce_stray(cluster))
        assert not_moved(connection)


def produce_stray(cluster: Cluster, kind: str = "events") -> None:
    producer = Producer(cluster.client())
    producer.produce(f"{cluster.prefix}.shelf.{kind}", b"x", b"x", 2)
    producer.flush(10)


def not_moved(connection: Connection[Row]) -> bool:
    """Whether the history is still in PostgreSQL."""
    log = connection.execute("select log from headwater.installation").fetchone()
    offsets = connection.execute("select sum(next_offset)::int from headwater.partitions").fetchone()
    return (log, offsets) == (("postgresql",), (0,))

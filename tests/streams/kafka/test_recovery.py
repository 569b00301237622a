"""Rebuild of a lost PostgreSQL from Kafka alone: everything is back, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from domain.messages import Result
from streams.core.calls import Deferred
from streams.core.envelope import Status
from streams.core.wiring import EraseSubject
from streams.kafka import recovery
from streams.kafka.key_backup import backup_keys, restore_keys
from streams.kafka.recovery import CannotRebuild, RebuildResult, rebuild
from streams.kafka.types import BrokenLog
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from tests.contract.runtimes import PARTITIONS, START, Supplier, do
from tests.contract.shelf import (
    SHELF,
    AttachLabel,
    CallOff,
    EmptyLater,
    FillJar,
    JarSupplied,
    OpenJar,
    OrderFilling,
    RemoveLabel,
)
from tests.databases import fresh_database
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import MASTER_KEY, KafkaRuntime, Processes, mapper, new_cluster, processes, working

pytestmark = pytest.mark.faults
OPENING = uuid4()


@pytest.fixture
def anew() -> Iterator[str]:
    """A second, empty database."""
    yield from fresh_database()


def run(roles: Processes) -> Processes:
    roles.start("projector", "j1")
    roles.start("processor", "p1")
    return roles


def order(jar: str, errand: str = "") -> OrderFilling:
    return OrderFilling(at=START, jar=jar, owner="ada", grams=1, errand=errand)


async def history(roles: Processes, supplier: Supplier) -> KafkaRuntime:
    """Calls answered, put off, withdrawn, and of unknown fate; a timer; values of a person, and of one erased."""
    async with working(run(roles), supplier) as runtime:
        await do(runtime, OpenJar(at=START, jar="plums", owner="ada", note="for my aunt Agatha"), command_id=OPENING)
        await do(runtime, OpenJar(at=START, jar="pears", owner="bob", note="for my uncle"))
        await do(runtime, EraseSubject(at=START, partition_key="bob", erased="shelf:bob"))
        await label_jars(runtime)
        await do(runtime, EraseSubject(at=START, partition_key="eve", erased="shelf:eve"))
        await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=100))
        await do(runtime, EmptyLater(at=START, jar="plums", owner="ada"))
        await do(runtime, order("answered"))
        await runtime.settle()
        supplier.verdicts.extend([Deferred("busy", "come back", after=7200.0)] * 2)
        await do(runtime, order("put off"))
        await do(runtime, order("called off", errand="first"))
        await runtime.settle()
        await do(runtime, CallOff(at=START, jar="called off", owner="ada", errand="first"))
    async with working(roles, supplier, work=False) as runtime:
        await do(runtime, order("unknown"))
    roles.stop_all()
    return runtime


async def label_jars(runtime: KafkaRuntime) -> None:
    """Three labels of ada's, of which one is removed, and one of eve's, who is erased afterwards."""
    for label, owner in enumerate(("ada", "ada", "ada", "eve")):
        attached = {"jar": "figs" if owner == "eve" else "plums", "owner": owner, "label": str(UUID(int=label))}
        await do(runtime, AttachLabel(at=START, **attached))
        if label == 0:
            await do(runtime, RemoveLabel(at=START, **attached))


def make_anew(roles: Processes, dsn: str, keys: Path | None) -> RebuildResult:
    with connect_plain(dsn) as connection:
        prepare(connection, [SHELF], PARTITIONS)
        if keys is not None:
            assert restore_keys(connection, keys, MASTER_KEY) == 1
        return rebuild(connection, roles.cluster, [SHELF], mapper(), PARTITIONS, START)


async def test_everything_is_back_and_no_call_is_made_twice(
    kafka: Kafka, database: str, anew: str, tmp_path: Path
) -> None:
    supplier = Supplier(idempotent=False)
    with processes(kafka, database) as roles:
        lost = await history(roles, supplier)
        with connect_plain(database) as connection:
            assert backup_keys(connection, tmp_path / "keys") == 1
        made = len(supplier.keys)
        rebuilt = make_anew(roles, anew, tmp_path / "keys")
        assert rebuilt == RebuildResult(len(await lost.journal()), 3, perhaps_called=1, lost_subjects=0, lost_objects=2)
        again = Processes(roles.cluster, anew)
        try:
            async with working(run(again), supplier) as runtime:
                await runtime.settle()
                assert len(supplier.keys) == made
                assert await results(runtime) == [Result.ACCEPTED, *[Result.DEFERRED] * 2, Result.UNCONFIRMED]
                for model in ("shelf_jars", "shelf_owners"):
                    assert await runtime.rows(model) == await lost.rows(model)
                assert (await runtime.rows("shelf_jars"))["plums"]["note"] == "for my aunt Agatha"
                assert (await runtime.rows("shelf_jars"))["pears"]["note"] is None
                replayed = await do(runtime, order("plums"), command_id=OPENING)
                assert replayed.replayed
                runtime.clock.advance(timedelta(hours=2))
                await runtime.settle()
                assert len(supplier.keys) == made + 1
                assert (await results(runtime))[-1] is Result.ACCEPTED
                assert (await runtime.rows("shelf_jars"))["plums"]["grams"] == 0
        finally:
            again.stop_all()


async def results(runtime: KafkaRuntime) -> list[Result]:
    """What became of the calls, in order."""
    records = sorted(await runtime.journal(), key=lambda record: (record.partition, record.sequence))
    return [Result(JarSupplied.model_validate_json(r.data).result) for r in records if r.name == JarSupplied.name]


async def test_without_the_keys_all_but_the_personal_values_is_back_and_they_may_come_later(
    kafka: Kafka, database: str, anew: str, tmp_path: Path
) -> None:
    with processes(kafka, database) as roles:
        lost = await history(roles, Supplier())
        with connect_plain(database) as connection:
            backup_keys(connection, tmp_path / "keys")
        rebuilt = make_anew(roles, anew, None)
        assert rebuilt.lost_subjects == 1
        again = Processes(roles.cluster, anew)
        async with working(again, Supplier(), work=False) as runtime:
            jars = await runtime.rows("shelf_jars")
            assert jars["plums"] == (await lost.rows("shelf_jars"))["plums"] | {"note": None}
            with connect_plain(anew) as connection:
                assert restore_keys(connection, tmp_path / "keys", MASTER_KEY) == 1
                held = connection.execute("select subject from headwater.subject_keys where wrapped is not null")
                assert held.fetchall() == [("shelf:ada",)]


async def test_a_database_that_holds_a_journal_is_not_rebuilt_over(kafka: Kafka, database: str) -> None:
    with processes(kafka, database) as roles:
        async with working(run(roles), Supplier(), work=False) as runtime:
            outcome = await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=1))
            assert outcome.status is Status.ACCEPTED
        with connect_plain(database) as connection, pytest.raises(CannotRebuild, match="empty database"):
            rebuild(connection, roles.cluster, [SHELF], mapper(), PARTITIONS, START)


async def one_record(roles: Processes) -> int:
    """A log with one command of ada's in it; its partition."""
    async with working(run(roles), Supplier(), work=False) as runtime:
        outcome = await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=1))
        assert outcome.position is not None
    roles.stop_all()
    return outcome.position.partition


async def test_a_log_without_its_beginning_is_not_rebuilt_from(kafka: Kafka, database: str, anew: str) -> None:
    with processes(kafka, database) as roles:
        beginning = TopicPartition(roles.cluster.events("shelf"), await one_record(roles), 1)
        admin = AdminClient(roles.cluster.client())
        admin.delete_records([beginning])[beginning].result(20)
        with pytest.raises(CannotRebuild, match=rf"the beginning of the log of shelf/{beginning.partition} is gone"):
            make_anew(roles, anew, None)


async def test_a_log_that_ends_in_an_open_transaction_is_not_rebuilt_from(
    kafka: Kafka, database: str, anew: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "STALLED_SECONDS", 2.0)
    with processes(kafka, database) as roles:
        partition = await one_record(roles)
        producer = Producer(roles.cluster.client(transactional_id="open"))
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.produce(roles.cluster.events("shelf"), b"x", b"x", partition)
        producer.flush(20)
        with pytest.raises(CannotRebuild, match=f"{partition} can be read up to 3, its end is 4"):
            make_anew(roles, anew, None)
        producer.abort_transaction(20)


async def test_a_log_with_something_unreadable_in_it_is_not_rebuilt_from(
    kafka: Kafka, database: str, anew: str
) -> None:
    with processes(kafka, database) as roles:
        partition = await one_record(roles)
        producer = Producer(roles.cluster.client())
        producer.produce(roles.cluster.events("shelf"), b"x", b"x", partition)
        producer.flush(20)
        with pytest.raises(BrokenLog, match=f"shelf/{partition} .*no header"):
            make_anew(roles, anew, None)


async def test_topics_that_are_not_there_are_named(kafka: Kafka, database: str) -> None:
    nowhere = new_cluster(kafka)
    with connect_plain(database) as connection, pytest.raises(CannotRebuild, match=nowhere.events("shelf")):
        rebuild(connection, nowhere, [SHELF], mapper(), PARTITIONS, START)

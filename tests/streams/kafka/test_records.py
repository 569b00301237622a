"""Records and commands as messages: they survive Kafka byte for byte and agree with Kafka's partitioner."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.core.chain import chained
from streams.core.envelope import GENESIS, Envelope, Record, TaskEnd
from streams.core.partitions import partition_of
from streams.kafka.records import Unreadable, command_headers, read_command, read_record, record_headers
from streams.kafka.replay import replay
from streams.kafka.topics import create
from tests.contract.shelf import FillJar
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.examples import AT, Log
from tests.streams.kafka.runtime import ONE_BROKER, new_cluster

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
instants = st.datetimes(timezones=st.just(UTC))


@given(st.uuids(), texts, texts, st.integers(1, 2**62), st.none() | texts.filter(bool), st.binary(), instants)
def test_a_record_comes_back_as_it_was(
    id_: UUID, key: str, actor: str, number: int, subject: str | None, data: bytes, at: datetime
) -> None:
    record = Record(
        "shelf",
        3,
        number,
        id_,
        key,
        f"jar/{key}",
        number,
        "shelf.jar.filled.v1",
        subject,
        data,
        id_,
        id_ if number % 2 else None,
        id_,
        actor,
        at,
        GENESIS,
    )
    record = record._replace(hash=chained(GENESIS, record))
    headers = [(name, str(value).encode()) for name, value in record_headers(record, GENESIS)]
    link = read_record("shelf", 3, key.encode(), data, headers)
    assert link == (record, GENESIS)
    assert chained(link.previous_hash, link.record) == record.hash


@given(st.uuids(), texts, st.booleans(), st.none() | st.integers(0, 2**40), st.none() | instants)
def test_a_command_s_envelope_comes_back_as_it_was(
    id_: UUID, actor: str, fresh: bool, version: int | None, due: datetime | None
) -> None:
    task = None if due is None else TaskEnd(id=id_, due_at=due)
    fill = FillJar(at=AT, jar="plums", owner="ada", grams=5)
    envelope = Envelope(fill, id_, "shelf", 1, actor, id_, id_ if fresh else None, "print", fresh, version, task)
    headers = [(name, str(value).encode()) for name, value in command_headers(envelope)]
    wire = read_command("shelf", 1, b"ada", b"{}", headers)
    assert (wire.command_id, wire.actor, wire.fresh, wire.expected_version) == (id_, actor, fresh, version)
    assert (wire.task, wire.fingerprint, wire.causation_id) == (task, "print", envelope.causation_id)


@pytest.mark.parametrize(
    "headers", [None, [], [("id", b"no uuid")], [("id", b"\xff\xfe")], [("sequence", b"many"), ("id", b"x")]]
)
def test_a_message_of_another_make_is_unreadable(headers: list[tuple[str, str | bytes | None]] | None) -> None:
    with pytest.raises(Unreadable):
        read_record("shelf", 0, b"k", b"{}", headers)
    with pytest.raises(Unreadable):
        read_command("shelf", 0, b"k", b"{}", headers)


def test_the_partition_is_the_one_that_murmur2_random_gives(kafka: Kafka) -> None:
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], 7, ONE_BROKER)
    producer = Producer(cluster.client(partitioner="murmur2_random"))
    found: dict[str, int] = {}

    def delivered(_error: object, message: Message) -> None:
        key, partition = message.key(), message.partition()
        assert key is not None
        assert partition is not None
        found[key.decode()] = partition

    keys = [f"key {number}" for number in range(300)] + ["ü", "日本", "a", "ab", "abc", "abcd"]
    for key in keys:
        producer.produce(cluster.commands("shelf"), b"", key.encode(), on_delivery=delivered)
    producer.flush(20)
    assert found == {key: partition_of(key, 7) for key in keys}


def test_another_client_library_reads_the_very_records_and_no_aborted_ones(kafka: Kafka) -> None:
    cluster, log = new_cluster(kafka), Log()
    create(cluster, ["shelf"], 1, ONE_BROKER)
    producer = Producer(cluster.client(transactional_id=cluster.prefix))
    producer.init_transactions(20)
    for number in range(1, 6):
        links = log.filled(number)
        for commit in (False, True):
            producer.begin_transaction()
            for record, previous_hash in links:
                headers = record_headers(record, previous_hash)
                producer.produce(cluster.events("shelf"), record.data, record.key.encode(), 0, headers=headers)
            producer.flush(20)
            producer.commit_transaction(20) if commit else producer.abort_transaction(20)
    assert [replayed.link for replayed in replay(cluster, "shelf", 0)] == log.links
    consumer = Consumer(cluster.reader(isolation_level="read_committed"))
    consumer.assign([TopicPartition(cluster.events("shelf"), 0, 0)])
    offsets, until = list[int](), time.monotonic() + 60
    while len(offsets) < len(log.links) and time.monotonic() < until:
        offsets += [message.offset() or 0 for message in consumer.consume(100, 0.2)]
    consumer.close()
    assert [replayed.next_offset - 1 for replayed in replay(cluster, "shelf", 0)] == offsets

"""Tests of the test broker, on which every other Kafka test relies."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.streams.kafka.broker import Broker, Kafka, NotStarted, free_port


def create_topic(bootstrap: str) -> str:
    topic = f"round-trip-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    return topic


def produce(bootstrap: str, topic: str, *values: bytes, commit: bool = True) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"writer-{uuid4()}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    producer.flush(30)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": f"reader-{uuid4()}",
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 60
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, 1.0)]
    consumer.close()
    return values


def test_a_reader_of_committed_records_gets_them_in_order_and_nothing_of_an_aborted_transaction(kafka: Kafka) -> None:
    topic = create_topic(kafka.bootstrap)
    produce(kafka.bootstrap, topic, b"one")
    produce(kafka.bootstrap, topic, b"never", commit=False)
    produce(kafka.bootstrap, topic, b"two", b"three")
    assert consume(kafka.bootstrap, topic, 3) == [b"one", b"two", b"three"]


@pytest.mark.faults
def test_a_killed_broker_started_again_still_has_what_was_committed(broker: Broker) -> None:
    topic = create_topic(broker.bootstrap)
    produce(broker.bootstrap, topic, b"before")
    broker.kill()
    broker.start()
    produce(broker.bootstrap, topic, b"after")
    assert consume(broker.bootstrap, topic, 2) == [b"before", b"after"]


@pytest.mark.usefixtures("startable")
def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n")
    with pytest.raises(NotStarted, match="node id 7"):
        Broker(free_port(), tmp_path).start()

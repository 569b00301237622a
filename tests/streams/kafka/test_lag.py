"""Lag of the projector on a real broker: what raises an alarm, and what clears it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from streams.core.batch import Head
from streams.kafka import lag
from streams.kafka.lag import Lag, ProjectionStalled
from streams.kafka.settings import Cluster
from streams.kafka.topics import create
from streams.kafka.types import Checkpoint
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import ONE_BROKER, new_cluster, until

PLACE = ("shelf", 0)
LAG_EVENTS = "headwater_kafka_projector_lag_events"
LAG_SECONDS = "headwater_kafka_projector_lag_seconds"
OPEN_SECONDS = "headwater_kafka_open_transaction_seconds"
START = {PLACE: Checkpoint(0, Head())}


def shown(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"place": "shelf/0"})


@pytest.fixture
def cluster(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Topics of one partition; lag is measured whenever it is asked for, and a busy broker's answer is waited for."""
    monkeypatch.setattr(lag, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(lag, "ASK_SECONDS", 20.0)
    cluster = new_cluster(kafka)
    create(cluster, ["shelf"], 1, ONE_BROKER)
    return cluster


def produce(cluster: Cluster, records: int) -> None:
    producer = Producer(cluster.client())
    for _ in range(records):
        producer.produce(cluster.events("shelf"), b"{}", b"ada", 0)
    producer.flush(20)


def measured(one: Lag, at: dict[tuple[str, int], Checkpoint], condition: Callable[[], bool]) -> Callable[[], bool]:
    """Whether the condition holds after measuring once more."""

    def look() -> bool:
        one.measure(at, {})
        return condition()

    return look


async def test_a_transaction_left_open_raises_an_alarm_until_the_broker_has_ended_it(cluster: Cluster) -> None:
    """Its owner never comes back; readers of committed records wait for it, and see nothing of what comes after."""
    one = Lag(cluster)
    one.measure(START, {})
    assert shown(OPEN_SECONDS) == 0
    dead = Producer(cluster.client(transactional_id=cluster.prefix, transaction_timeout_ms=4000))
    dead.init_transactions(20)
    dead.begin_transaction()
    dead.produce(cluster.events("shelf"), b"{}", b"ada", 0)
    dead.flush(20)
    produce(cluster, 3)
    await until(measured(one, START, lambda: (shown(OPEN_SECONDS) or 0) > 1))
    assert shown(LAG_EVENTS) == 4
    await until(measured(one, START, lambda: shown(OPEN_SECONDS) == 0))


def test_records_that_were_received_but_not_projected_count_as_lag(cluster: Cluster) -> None:
    """As while the database is away: the end of the log was seen, and nothing has come of it."""
    one, written = Lag(cluster), time.time() - 60
    produce(cluster, 5)
    for offset in range(5):
        one.on_record(PLACE, offset, int(written * 1000))
    one.on_end(PLACE, 5)
    one.measure({PLACE: Checkpoint(2, Head())}, {})
    assert shown(LAG_EVENTS) == 3
    assert (shown(LAG_SECONDS) or 0) >= 60
    one.measure({PLACE: Checkpoint(5, Head())}, {})
    assert (shown(LAG_EVENTS), shown(LAG_SECONDS)) == (0, 0)


def test_markers_at_the_end_of_a_log_are_no_lag(cluster: Cluster) -> None:
    one = Lag(cluster)
    producer = Producer(cluster.client(transactional_id=cluster.prefix))
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(cluster.events("shelf"), b"{}", b"ada", 0)
    producer.commit_transaction(20)
    one.on_record(PLACE, 0, int(time.time() * 1000))
    one.on_end(PLACE, 2)
    one.measure({PLACE: Checkpoint(1, Head())}, {})
    assert shown(LAG_EVENTS) == 0


def test_a_halted_partition_s_lag_grows_on_and_goes_with_the_partition(cluster: Cluster) -> None:
    one = Lag(cluster)
    produce(cluster, 5)
    one.measure({}, START)
    assert shown(LAG_EVENTS) == 5
    one.measure({}, {})
    assert shown(LAG_EVENTS) is None


def test_no_progress_although_there_is_more_ends_the_process_unless_it_has_halted(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "STALLED_SECONDS", 0.0)
    one = Lag(cluster)
    produce(cluster, 1)
    one.measure({}, START)
    with pytest.raises(ProjectionStalled, match="shelf"):
        one.measure(START, {})

"""Replay of a context's log for auditors, by another client library than the one that wrote it, offset by offset."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.kafka.records import ChainedRecord, read_record
from streams.kafka.settings import Cluster

POLL_MS = 500
BATCH = 2000


class LogEndNotReached(Exception):
    """The log could not be read to its end: a transaction is still open, or the broker is away or refuses."""


class ReplayedRecord(NamedTuple):
    """Record with its predecessor's hash, and the offset after it."""

    link: ChainedRecord
    next_offset: int


def replay(cluster: Cluster, context: str, partition: int, timeout_seconds: float = 30.0) -> Iterator[ReplayedRecord]:
    """Read every committed record of a partition up to its present end.

    The time-out is for the wait for each next record. Raises Unreadable or LogEndNotReached.
    """
    place = TopicPartition(cluster.events(context), partition)
    try:
        yield from _replay(cluster, context, place, timeout_seconds)
    except KafkaError as error:
        raise LogEndNotReached(f"{place.topic}/{partition}: {error}") from error


def _replay(cluster: Cluster, context: str, place: TopicPartition, timeout_seconds: float) -> Iterator[ReplayedRecord]:
    end = _true_end(cluster, place)
    reader = KafkaConsumer(**cluster.admin(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        reader.assign([place])
        reader.seek_to_beginning(place)
        until = time.monotonic() + timeout_seconds
        while (at := reader.position(place)) < end:
            for message in reader.poll(POLL_MS, BATCH).get(place, ()):
                until = time.monotonic() + timeout_seconds
                link = read_record(context, place.partition, message.key, message.value, message.headers)
                yield ReplayedRecord(link, message.offset + 1)
            if time.monotonic() > until:
                raise LogEndNotReached(f"{place.topic}/{place.partition} can be read up to {at}, its end is {end}")
    finally:
        reader.close()


def _true_end(cluster: Cluster, place: TopicPartition) -> int:
    """The end must include open transactions, or the replay would seem complete without them."""
    reader = KafkaConsumer(**cluster.admin(), isolation_level="read_uncommitted", enable_auto_commit=False)
    try:
        return int(reader.end_offsets([place])[place])
    finally:
        reader.close()

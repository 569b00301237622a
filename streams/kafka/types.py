"""Types that several modules of the Kafka runtime share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from confluent_kafka import TopicPartition

from streams.core.batch import Head

Place = tuple[str, int]
"""Partition of a context, for its commands and its events: the context's name and the partition's number.

It is a plain tuple, for one is built for every message.
"""

Headers = list[tuple[str, str | bytes | None]]
"""Message headers as this program writes them."""

AnyHeaders = dict[str, str | bytes | None] | Sequence[tuple[str, str | bytes | None]] | None
"""Message headers as a client library returns them."""


class Checkpoint(NamedTuple):
    """Progress of PostgreSQL in a partition's log: the next offset to read, and the head before it."""

    next_offset: int
    head: Head


class Takeover(NamedTuple):
    """Result of taking a partition over: the head of its log, the next command, and the end of the commands topic.

    `next_command` is the first command that the group has not committed; `sent_since` is the first one sent after the
    takeover. Commands between the two may have been decided all the same, if the group has lost its offsets. Commands
    from `sent_since` on can have been decided by no other processor.
    """

    head: Head
    next_command: int
    sent_since: int


class TransactionEnd(Enum):
    """Outcome of a transaction. Only `COMMITTED` is certain; after the others the log must be read again.

    `RELOAD` concerns the partitions of the batch, `RELOAD_ALL` every partition of this process.
    """

    COMMITTED = auto()
    RELOAD = auto()
    RELOAD_ALL = auto()


class BrokenLog(Exception):
    """A break in the log's sequence or hash chain.

    Nothing may be decided or projected on this log until a person has looked at it.
    """


def context_of(topic: str) -> str:
    """The context whose commands or events are in this topic."""
    return topic.rsplit(".", 2)[1]


def place_of(partition: TopicPartition) -> Place:
    """The place whose commands or events are in this partition of a topic."""
    return context_of(partition.topic), partition.partition


def place_name(place: Place) -> str:
    """The place as `context/partition`, the label of its gauges."""
    return f"{place[0]}/{place[1]}"

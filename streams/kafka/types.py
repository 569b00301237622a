"""Types that several modules of the Kafka runtime share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from confluent_kafka import TopicPartition

from streams.core.batch import Head

Place = tuple[str, int]
"""A partition of a context: the context's name and the partition's number, the same for commands and for events."""

Headers = list[tuple[str, str | bytes | None]]
"""Message headers as this program writes them."""

AnyHeaders = dict[str, str | bytes | None] | Sequence[tuple[str, str | bytes | None]] | None
"""Message headers as a client library returns them."""


class Checkpoint(NamedTuple):
    """How far PostgreSQL has followed a partition's log: the next offset to read, and the head before it."""

    next_offset: int
    head: Head


class Takeover(NamedTuple):
    """A partition that has been taken over: where its log ends, the first command not decided yet, and the first
    that was sent afterwards. Those in between may have been decided all the same, should the group have forgotten how
    far it was; whatever was sent afterwards is nobody else's."""

    head: Head
    next_command: int
    sent_since: int


class TransactionEnd(Enum):
    """What became of a transaction. Only `COMMITTED` says so for sure; otherwise the log must be read again."""

    COMMITTED = auto()
    RELOAD = auto()
    RELOAD_ALL = auto()


class BrokenLog(Exception):
    """The log does not follow on from itself; nothing may be decided or projected on it until a person has looked."""


def context_of(topic: str) -> str:
    """The context whose commands or events are in this topic."""
    return topic.rsplit(".", 2)[1]


def place_of(partition: TopicPartition) -> Place:
    """The place whose commands or events are in this partition of a topic."""
    return context_of(partition.topic), partition.partition


def place_name(place: Place) -> str:
    """The place as `context/partition`, the label of its gauges."""
    return f"{place[0]}/{place[1]}"

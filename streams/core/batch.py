"""Data passed between the processor core and a runtime: wants, loaded state, decided batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from domain.messages import Event
from streams.core.envelope import GENESIS, IdempotencyConflict, Outcome, Record, Recorded
from streams.core.keys import WrappedKey


class Head(NamedTuple):
    """End of a partition's log: sequence and hash of the last record; 0 and GENESIS for an empty log."""

    sequence: int = 0
    hash: bytes = GENESIS


class Folded(NamedTuple):
    """A stream's state at a version, the version of its last snapshot, and the partition key it is written under."""

    version: int
    state: Any
    snapshot: int = 0
    key: str = ""


class Snapshot(NamedTuple):
    """A stream's state at a version, kept as a cache for loading; `schema` identifies the fold that made it."""

    context: str
    stream: str
    key: str
    version: int
    schema: str
    state: bytes


class History(NamedTuple):
    """Loaded history of a stream: a snapshot, if there is one, and the records after it."""

    records: Sequence[Record] = ()
    snapshot: Snapshot | None = None


class KnownOutcome(NamedTuple):
    """An outcome found in the log, with the records of its command's events."""

    record: Record
    events: Sequence[Record]


@dataclass(slots=True)
class Wants:
    """State that a batch needs from the store; a stream comes with the schema that its snapshot must have."""

    outcomes: list[tuple[str, UUID]] = field(default_factory=list)
    streams: list[tuple[str, str, str]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.streams or self.subjects)


@dataclass(slots=True)
class Loaded:
    """Stored state that matches a batch's wants; what the store lacks is absent."""

    outcomes: Mapping[UUID, KnownOutcome] = field(default_factory=dict)
    histories: Mapping[tuple[str, str], History] = field(default_factory=dict)
    keys: Iterable[WrappedKey] = ()


NOTHING_LOADED = Loaded()
Answer = Outcome | IdempotencyConflict


@dataclass(slots=True)
class Batch:
    """A decided batch: the data to write, and the answer to each envelope, in the order of the envelopes.

    `snapshots` are by stream: of one that is due twice only the latest is kept.
    """

    recorded: list[Recorded[Event]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    heads: dict[tuple[str, int], tuple[Head, Head]] = field(default_factory=dict)
    keys: list[WrappedKey] = field(default_factory=list)
    snapshots: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    erased: list[tuple[str, str, str]] = field(default_factory=list)
    touched: set[tuple[str, str]] = field(default_factory=set)
    outcomes: dict[UUID, tuple[str, Outcome]] = field(default_factory=dict)

"""What is in the log but perhaps not yet in PostgreSQL: laid over what is loaded, so that nothing is decided stale."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from streams.core.batch import Head, History, KnownOutcome, Loaded, Wants
from streams.core.chain import chained
from streams.core.envelope import OUTCOMES, Record
from streams.core.keys import WrappedKey
from streams.core.wiring import SubjectErased
from streams.kafka.records import Follows

Place = tuple[str, int]
"""A context's partition."""


class BrokenLog(Exception):
    """The log does not follow on from itself; nothing may be decided or projected on it until a person has looked."""


@dataclass(slots=True)
class _Tail:
    head: Head
    records: deque[Record] = field(default_factory=deque)
    undecided: list[Record] = field(default_factory=list)


class Overlay:
    """The tails of the owned partitions' logs, with the streams, outcomes and erasures in them."""

    def __init__(self) -> None:
        self._tails: dict[Place, _Tail] = {}
        self._streams: dict[tuple[str, str], deque[Record]] = {}
        self._outcomes: dict[UUID, KnownOutcome] = {}
        self._erased = Counter[str]()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def begin(self, place: Place, head: Head) -> None:
        """Starts a partition's tail after `head`, which PostgreSQL has."""
        self.drop(place)
        self._tails[place] = _Tail(head)

    def drop(self, place: Place) -> None:
        """Forgets a partition's tail."""
        tail = self._tails.pop(place, None)
        if tail is not None:
            self._forget(tail, upto=None)

    def head(self, place: Place) -> Head:
        return self._tails[place].head

    def length(self, place: Place) -> int:
        """Records of this partition that PostgreSQL may not have."""
        return len(self._tails[place].records)

    def follow(self, follows: Follows) -> None:
        """Takes in the next record as read from the log; raises BrokenLog when it is not the next one."""
        record, head = follows.record, self._tails[follows.record.context, follows.record.partition].head
        check_follows(follows, head)
        self.remember([record])

    def remember(self, records: Iterable[Record]) -> None:
        """Takes in records that are known to be in the log, in order."""
        for record in records:
            tail = self._tails[record.context, record.partition]
            tail.head = Head(record.sequence, record.hash)
            tail.records.append(record)
            self._size += 1
            if record.stream.startswith(f"{OUTCOMES}/"):
                self._outcomes[record.command_id] = KnownOutcome(record, tuple(tail.undecided))
                tail.undecided = []
            else:
                tail.undecided.append(record)
                self._streams.setdefault((record.context, record.stream), deque()).append(record)
            if record.name == SubjectErased.name:
                self._erased[orjson.loads(record.data)["erased"]] += 1

    def prune(self, heads: Mapping[Place, int]) -> None:
        """Forgets what PostgreSQL has by now: everything up to these sequences."""
        for place, sequence in heads.items():
            if place in self._tails:
                self._forget(self._tails[place], upto=sequence)

    def over(self, loaded: Loaded, wants: Wants) -> Loaded:
        """What was loaded, completed; raises BrokenLog when a stream's records in the log do not join those stored."""
        outcomes = dict(loaded.outcomes)
        for _, command_id in wants.outcomes:
            if command_id in self._outcomes:
                outcomes[command_id] = self._outcomes[command_id]
        histories = dict(loaded.histories)
        for context, stream, _ in wants.streams:
            tail = self._streams.get((context, stream))
            if tail:
                histories[context, stream] = _joined(histories.get((context, stream), History()), tail)
        return Loaded(outcomes, histories, [*loaded.keys, *self.erased()])

    def erased(self) -> list[WrappedKey]:
        """The subjects whose keys are destroyed as far as the log goes, whatever PostgreSQL still has."""
        return [WrappedKey(subject, None) for subject in self._erased]

    def _forget(self, tail: _Tail, upto: int | None) -> None:
        while tail.records and (upto is None or tail.records[0].sequence <= upto):
            record = tail.records.popleft()
            self._size -= 1
            self._outcomes.pop(record.command_id, None) if record.stream.startswith(f"{OUTCOMES}/") else None
            if (records := self._streams.get((record.context, record.stream))) is not None:
                records.popleft()
                if not records:
                    del self._streams[record.context, record.stream]
            if record.name == SubjectErased.name:
                self._erased[orjson.loads(record.data)["erased"]] -= 1
                self._erased = +self._erased


def check_follows(follows: Follows, head: Head) -> None:
    """Raises BrokenLog unless the record is the next one after `head`, by sequence and by hash."""
    record = follows.record
    if record.sequence != head.sequence + 1:
        raise BrokenLog(f"after sequence {head.sequence} comes {record.sequence} at {record.position}")
    if follows.previous != head.hash or chained(head.hash, record) != record.hash:
        raise BrokenLog(f"the hash chain breaks at {record.position}")


def _joined(stored: History, tail: Iterable[Record]) -> History:
    version = stored.records[-1].version if stored.records else stored.snapshot.version if stored.snapshot else 0
    records = list(stored.records)
    for record in tail:
        if record.version <= version:
            continue
        if record.version != version + 1:
            raise BrokenLog(f"{record.stream} goes from version {version} to {record.version} at {record.position}")
        version = record.version
        records.append(record)
    return History(records, stored.snapshot)

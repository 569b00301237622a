"""Records committed to Kafka but not yet projected. Merged into every load, so that no decision uses stale state."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from streams.core.batch import Head, History, KnownOutcome, Loaded, Wants
from streams.core.envelope import OUTCOMES, Record
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.wiring import SubjectErased
from streams.kafka.records import ChainedRecord, check_chain
from streams.kafka.types import BrokenLog, Place


@dataclass(slots=True)
class _Tail:
    head: Head
    records: deque[Record] = field(default_factory=deque)
    undecided: list[Record] = field(default_factory=list)


class Overlay:
    """Tails of the owned partitions' logs, with the streams, outcomes and erasures in them."""

    def __init__(self) -> None:
        self._tails: dict[Place, _Tail] = {}
        self._streams: dict[tuple[str, str], deque[Record]] = {}
        self._outcomes: dict[UUID, KnownOutcome] = {}
        self._erased = Counter[str]()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def start(self, place: Place, head: Head) -> None:
        """Start a partition's tail after `head`, which PostgreSQL has."""
        self.drop(place)
        self._tails[place] = _Tail(head)

    def drop(self, place: Place) -> None:
        """Forget a partition's tail."""
        tail = self._tails.pop(place, None)
        if tail is not None:
            self._forget(tail, upto=None)

    def head(self, place: Place) -> Head:
        return self._tails[place].head

    def length(self, place: Place) -> int:
        """Number of records of this partition that PostgreSQL may lack."""
        return len(self._tails[place].records)

    def append(self, link: ChainedRecord) -> None:
        """Append a record read from the log; raises BrokenLog when it is not the next one."""
        record, head = link.record, self._tails[link.record.context, link.record.partition].head
        check_chain(link, head)
        self.extend([record])

    def extend(self, records: Iterable[Record]) -> None:
        """Append records that are known to be in the log, in order."""
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
        """Forget the records that PostgreSQL has: those up to the sequence of each place."""
        for place, sequence in heads.items():
            if place in self._tails:
                self._forget(self._tails[place], upto=sequence)

    def merge(self, loaded: Loaded, wants: Wants) -> Loaded:
        """Merge the tails into what was loaded; raises BrokenLog when a stream's tail does not join its history."""
        outcomes = dict(loaded.outcomes)
        for _, command_id in wants.outcomes:
            if command_id in self._outcomes:
                outcomes[command_id] = self._outcomes[command_id]
        histories = dict(loaded.histories)
        for context, stream, _ in wants.streams:
            tail = self._streams.get((context, stream))
            if tail:
                histories[context, stream] = _joined(histories.get((context, stream), History()), tail)
        return Loaded(outcomes, histories, [*loaded.keys, *self.erased_keys()])

    def subjects(self, wants: Wants, mapper: Mapper) -> set[str]:
        """Subjects of personal values in the wanted records that PostgreSQL may lack. Their keys are to be loaded."""
        wanted = [record for context, stream, _ in wants.streams for record in self._streams.get((context, stream), ())]
        for _, command_id in wants.outcomes:
            if (known := self._outcomes.get(command_id)) is not None:
                wanted += [known.record, *known.events]
        return mapper.subjects_of(wanted)

    def erased_keys(self) -> list[WrappedKey]:
        """Destroyed keys of the subjects that the log has erased; PostgreSQL may still hold the living ones."""
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

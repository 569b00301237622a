"""From consumed messages to a batch for PostgreSQL: nothing that doesn't follow on, nothing that cannot be read. Pure.

Where a record does neither, its partition's part of the batch ends before it, and the partition halts there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.messages import Event
from streams.core.batch import Batch, Head
from streams.core.envelope import Record, Recorded
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import SubjectErased
from streams.kafka.records import Unreadable, check_chain, read_record
from streams.kafka.types import AnyHeaders, BrokenLog, Checkpoint, Place

log = logging.getLogger(__name__)


class EventMessage(NamedTuple):
    """A message of an events topic, as received."""

    place: Place
    offset: int
    key: bytes | None
    value: bytes | None
    headers: AnyHeaders


class ConsumedRecord(NamedTuple):
    """A record with the offset it was read at."""

    offset: int
    record: Record


@dataclass(slots=True)
class RecordBatch:
    """What follows on from the checkpoints, in order, and where and why a partition's log does not."""

    records: list[ConsumedRecord] = field(default_factory=list)
    halts: dict[Place, str] = field(default_factory=dict)

    @property
    def subjects(self) -> list[str]:
        """Everybody these records are about."""
        return list({one.record.subject for one in self.records if one.record.subject is not None})


def read_batch(messages: Iterable[EventMessage], checkpoints: Mapping[Place, Checkpoint]) -> RecordBatch:
    """Reads and checks the messages of partitions with a checkpoint; those before it have been seen."""
    batch, heads = RecordBatch(), {place: checkpoint.head for place, checkpoint in checkpoints.items()}
    for message in messages:
        place = message.place
        if place not in heads or place in batch.halts or message.offset < checkpoints[place].next_offset:
            continue
        try:
            link = read_record(*place, message.key, message.value, message.headers)
            check_chain(link, heads[place])
        except (Unreadable, BrokenLog) as error:
            batch.halts[place] = f"offset {message.offset}: {type(error).__name__}: {error}"
            continue
        heads[place] = Head(link.record.sequence, link.record.hash)
        batch.records.append(ConsumedRecord(message.offset, link.record))
    return batch


class DecodedRecord(NamedTuple):
    """A line with the event it holds, and the subject whose living key was at hand when it was read."""

    consumed: ConsumedRecord
    event: Event
    living_subject: str | None


class DecodedBatch(NamedTuple):
    """A batch with the next offset of every partition in it, and the subjects who must still have their keys."""

    batch: Batch
    offsets: dict[Place, int]
    living_subjects: list[str]


def decode(batch: RecordBatch, mapper: Mapper) -> list[DecodedRecord]:
    """The records as events, up to the first of each partition that nobody can decode: that one is a halt too.

    The keys of `followed.subjects` must have been looked up.
    """
    decoded: list[DecodedRecord] = []
    halted: set[Place] = set()
    for consumed in batch.records:
        record = consumed.record
        place = (record.context, record.partition)
        if place in halted:
            continue
        try:
            event = mapper.decode_as(Event, record.name, record.data, record.subject)
            decoded.append(DecodedRecord(consumed, event, _living(record.subject, mapper.keyring)))
        except Exception as error:
            log.exception("%s at %s cannot be decoded", record.name, record.position)
            batch.halts[place] = f"offset {consumed.offset}: {record.name}: {type(error).__name__}: {error}"
            halted.add(place)
    return decoded


def _living(subject: str | None, keyring: Keyring) -> str | None:
    known = subject is not None and keyring.knows(subject) and keyring.cipher(subject) is not None
    return subject if known else None


def batch_of(records: Sequence[DecodedRecord], checkpoints: Mapping[Place, Checkpoint]) -> DecodedBatch:
    """The batch of these events, which follow on from the checkpoints."""
    batch, offsets = Batch(), dict[Place, int]()
    for (offset, record), event, _ in records:
        place = (record.context, record.partition)
        before = batch.heads[place][0] if place in batch.heads else checkpoints[place].head
        batch.heads[place] = (before, Head(record.sequence, record.hash))
        offsets[place] = offset + 1
        batch.recorded.append(Recorded(event, record))
        if isinstance(event, SubjectErased):
            batch.erased.append((record.context, record.key, event.erased))
    living = {one.living_subject for one in records if one.living_subject is not None}
    erased = {subject for _, _, subject in batch.erased}
    return DecodedBatch(batch, offsets, sorted(living - erased))

"""Batches for PostgreSQL from consumed messages: only records that continue the log and can be read. Pure.

Before a record that does not, its partition's share of the batch ends, and the partition halts there.
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
    """Message of an events topic, as received."""

    place: Place
    offset: int
    key: bytes | None
    value: bytes | None
    headers: AnyHeaders


class ConsumedRecord(NamedTuple):
    """Record with the offset at which it was read."""

    offset: int
    record: Record


@dataclass(slots=True)
class RecordBatch:
    """Records that continue the log from the checkpoints, in order, and the halted partitions with the reason."""

    records: list[ConsumedRecord] = field(default_factory=list)
    halts: dict[Place, str] = field(default_factory=dict)

    def subjects(self, mapper: Mapper) -> list[str]:
        """Subjects whose keys are needed to read these records."""
        return list(mapper.subjects_of(one.record for one in self.records))


def read_batch(messages: Iterable[EventMessage], checkpoints: Mapping[Place, Checkpoint]) -> RecordBatch:
    """Read and check the messages of partitions with a checkpoint, and skip those before it."""
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
    """Record with its event, and its subject if the subject's key was alive when the record was read."""

    consumed: ConsumedRecord
    event: Event
    living_subject: str | None


class DecodedBatch(NamedTuple):
    """Batch with the next offset of every partition in it, and the subjects whose keys must still be alive."""

    batch: Batch
    offsets: dict[Place, int]
    living_subjects: list[str]


def decode(batch: RecordBatch, mapper: Mapper) -> list[DecodedRecord]:
    """Decode the records of each partition up to the first one that cannot be decoded, and halt the partition there.

    The keyring must hold the keys of `batch.subjects`.
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
            alive = _living(record.key_subject, mapper.keyring) if event.personal_fields else None
            decoded.append(DecodedRecord(consumed, event, alive))
        except Exception as error:
            log.exception("%s at %s cannot be decoded", record.name, record.position)
            batch.halts[place] = f"offset {consumed.offset}: {record.name}: {type(error).__name__}: {error}"
            halted.add(place)
    return decoded


def _living(subject: str, keyring: Keyring) -> str | None:
    return subject if keyring.knows(subject) and not keyring.has_erased(subject) else None


def batch_of(records: Sequence[DecodedRecord], checkpoints: Mapping[Place, Checkpoint]) -> DecodedBatch:
    """Build the batch of these records, which continue from the checkpoints."""
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

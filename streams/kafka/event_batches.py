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
from streams.kafka.overlay import BrokenLog, Place, check_follows
from streams.kafka.processor_store import Checkpoint
from streams.kafka.records import AnyHeaders, Unreadable, read_record

log = logging.getLogger(__name__)


class EventMessage(NamedTuple):
    """A message of an events topic, as received."""

    place: Place
    offset: int
    key: bytes | None
    value: bytes | None
    headers: AnyHeaders


class Line(NamedTuple):
    """A record with the offset it was read at."""

    offset: int
    record: Record


@dataclass(slots=True)
class Followed:
    """What follows on from the checkpoints, in order, and where and why a partition's log does not."""

    lines: list[Line] = field(default_factory=list)
    halts: dict[Place, str] = field(default_factory=dict)

    @property
    def subjects(self) -> list[str]:
        """Everybody these records are about."""
        return list({line.record.subject for line in self.lines if line.record.subject is not None})


def follow(messages: Iterable[EventMessage], checkpoints: Mapping[Place, Checkpoint]) -> Followed:
    """Reads and checks the messages of partitions with a checkpoint; those before it have been seen."""
    followed, heads = Followed(), {place: checkpoint.head for place, checkpoint in checkpoints.items()}
    for message in messages:
        place = message.place
        if place not in heads or place in followed.halts or message.offset < checkpoints[place].next_offset:
            continue
        try:
            follows = read_record(*place, message.key, message.value, message.headers)
            check_follows(follows, heads[place])
        except (Unreadable, BrokenLog) as error:
            followed.halts[place] = f"offset {message.offset}: {type(error).__name__}: {error}"
            continue
        heads[place] = Head(follows.record.sequence, follows.record.hash)
        followed.lines.append(Line(message.offset, follows.record))
    return followed


class Decoded(NamedTuple):
    """A line with the event it holds, and the subject whose living key was at hand when it was read."""

    line: Line
    event: Event
    alive: str | None


class Part(NamedTuple):
    """A batch with the next offset of every partition in it, and the subjects who must still have their keys."""

    batch: Batch
    offsets: dict[Place, int]
    alive: list[str]


def decode(followed: Followed, mapper: Mapper) -> list[Decoded]:
    """The records as events, up to the first of each partition that nobody can decode: that one is a halt too.

    The keys of `followed.subjects` must have been looked up.
    """
    decoded: list[Decoded] = []
    stopped: set[Place] = set()
    for line in followed.lines:
        record, place = line.record, (line.record.context, line.record.partition)
        if place in stopped:
            continue
        try:
            event = mapper.decode_as(Event, record.name, record.data, record.subject)
            alive = _alive(record.subject, mapper.keyring) if event.personal_fields else None
            decoded.append(Decoded(line, event, alive))
        except Exception as error:
            log.exception("%s at %s cannot be decoded", record.name, record.position)
            followed.halts[place] = f"offset {line.offset}: {record.name}: {type(error).__name__}: {error}"
            stopped.add(place)
    return decoded


def _alive(subject: str | None, keyring: Keyring) -> str | None:
    known = subject is not None and keyring.knows(subject) and keyring.cipher(subject) is not None
    return subject if known else None


def part(lines: Sequence[Decoded], checkpoints: Mapping[Place, Checkpoint]) -> Part:
    """The batch of these events, which follow on from the checkpoints."""
    batch, offsets = Batch(), dict[Place, int]()
    for (offset, record), event, _ in lines:
        place = (record.context, record.partition)
        before = batch.heads[place][0] if place in batch.heads else checkpoints[place].head
        batch.heads[place] = (before, Head(record.sequence, record.hash))
        offsets[place] = offset + 1
        batch.recorded.append(Recorded(event, record))
        if isinstance(event, SubjectErased):
            batch.erased.append((record.context, record.key, event.erased))
    alive = {line.alive for line in lines if line.alive is not None} - {subject for _, _, subject in batch.erased}
    return Part(batch, offsets, sorted(alive))

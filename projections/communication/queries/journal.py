"""The events of a stream, read from the journal without keys: of a personal value, only its existence is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from domain.communication.events import EVENTS
from domain.messages import Event
from streams.core.envelope import Position
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased

CONTEXT = "communication"
SEALED = "sealed"
"""The placeholder for an existing personal value; an erased one is None."""

PLACEHOLDERS: dict[str, object] = {"data": {}}
"""The placeholders of fields that are not text."""

TYPES: dict[str, type[Event]] = {event.name: event for event in EVENTS} | {SubjectErased.name: SubjectErased}

STREAM = """
    select j.name, j.version, j.event_id, j.partition, j.sequence, j.data, k.wrapped is not null, j.actor,
           j.correlation_id
      from headwater.journal j left join headwater.subject_keys k on k.subject = j.subject
     where j.context = %s and j.stream = %s and j.name = any(%s)
       and (%s::timestamptz is null or j.at <= %s) and (%s::bigint[] is null or j.version = any(%s))
     order by j.version
"""


class JournalEvent(NamedTuple):
    """An event and its place in the log."""

    fact: Event
    stream: str
    version: int
    event_id: UUID
    position: Position
    actor: str
    correlation_id: UUID


async def events_of(
    connection: AsyncConnection[Row],
    stream: str,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    without: Sequence[type[Event]] = (),
) -> list[JournalEvent]:
    """The events of a stream in order: up to a time, or of these versions, without some types."""
    names = [name for name, type_ in TYPES.items() if type_ not in without]
    wanted = None if versions is None else list(versions)
    cursor = await connection.execute(STREAM, (CONTEXT, stream, names, until, until, wanted, wanted))
    return [_written(stream, row) for row in await cursor.fetchall()]


def _written(stream: str, row: Row) -> JournalEvent:
    name, version, event_id, partition, sequence, data, key, actor, correlation_id = row
    position = Position(CONTEXT, partition, sequence)
    return JournalEvent(_event(name, data, key), stream, version, event_id, position, actor, correlation_id)


def _event(name: str, data: bytes, readable: bool) -> Event:
    type_, body = TYPES[name], orjson.loads(data)
    hidden = {
        field: PLACEHOLDERS.get(field, SEALED) if readable and body.get(field) is not None else None
        for field in type_.personal_fields
    }
    return type_.model_validate(body | hidden)

"""The events of a stream, read from the journal without keys: of a personal value, only its existence is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from domain.messages import Event
from streams.core.envelope import Position
from streams.core.read_models import Row

SEALED = "sealed"
"""The placeholder for an existing personal value; an erased one is None."""

STREAM = """
    select j.name, j.version, j.event_id, j.partition, j.sequence, j.data, k.wrapped is not null, j.actor,
           j.correlation_id
      from headwater.journal j left join headwater.subject_keys k on k.subject = j.subject
     where j.context = %s and j.stream = %s and j.name = any(%s)
       and (%s::timestamptz is null or j.at <= %s) and (%s::bigint[] is null or j.version = any(%s))
     order by j.version
"""


class Readable(NamedTuple):
    """The events of a context that can be read. `placeholders` are those of personal fields that are not text."""

    context: str
    types: Mapping[str, type[Event]]
    placeholders: Mapping[str, object] = {}


class JournalEvent(NamedTuple):
    """An event and its place in the log."""

    fact: Event
    stream: str
    version: int
    event_id: UUID
    position: Position
    actor: str
    correlation_id: UUID


class Link(NamedTuple):
    """The reference to an event in the log."""

    stream: str
    version: int
    event_id: UUID
    position: str
    name: str
    at: datetime


def link(written: JournalEvent) -> Link:
    """The reference to this event."""
    fact = written.fact
    return Link(written.stream, written.version, written.event_id, str(written.position), fact.name, fact.at)


async def read_stream(
    connection: AsyncConnection[Row],
    readable: Readable,
    stream: str,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    without: Sequence[type[Event]] = (),
) -> list[JournalEvent]:
    """The events of a stream in order: up to a time, or of these versions, without some types."""
    names = [name for name, type_ in readable.types.items() if type_ not in without]
    wanted = None if versions is None else list(versions)
    cursor = await connection.execute(STREAM, (readable.context, stream, names, until, until, wanted, wanted))
    return [_written(readable, stream, row) for row in await cursor.fetchall()]


def _written(readable: Readable, stream: str, row: Row) -> JournalEvent:
    name, version, event_id, partition, sequence, data, key, actor, correlation_id = row
    position = Position(readable.context, partition, sequence)
    return JournalEvent(_event(readable, name, data, key), stream, version, event_id, position, actor, correlation_id)


def _event(readable: Readable, name: str, data: bytes, has_key: bool) -> Event:
    type_, body = readable.types[name], orjson.loads(data)
    hidden = {
        field: readable.placeholders.get(field, SEALED) if has_key and body.get(field) is not None else None
        for field in type_.personal_fields
    }
    return type_.model_validate(body | hidden)

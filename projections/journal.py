"""The events of a stream, read from the journal.

Without a mapper they are read without keys: of a personal value, only its existence is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from domain.messages import Event
from streams.core.envelope import Position
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Row

SEALED = "sealed"
"""The placeholder for an existing personal value; an erased one is None."""

STREAM = """
    select j.name, j.version, j.event_id, j.partition, j.sequence, j.data, k.subject, k.wrapped, j.actor,
           j.correlation_id
      from headwater.journal j
      left join headwater.subject_keys k on k.subject = coalesce(j.subject, j.context || ':' || j.key)
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
    """An event and its place in the log. `erased`: the person that it is about has been erased."""

    fact: Event
    stream: str
    version: int
    event_id: UUID
    position: Position
    actor: str
    correlation_id: UUID
    erased: bool = False


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
    mapper: Mapper | None = None,
) -> list[JournalEvent]:
    """The events of a stream in order: up to a time, or of these versions, without some types."""
    names = [name for name, type_ in readable.types.items() if type_ not in without]
    wanted = None if versions is None else list(versions)
    cursor = await connection.execute(STREAM, (readable.context, stream, names, until, until, wanted, wanted))
    return [_written(readable, stream, row, mapper) for row in await cursor.fetchall()]


def _written(readable: Readable, stream: str, row: Row, mapper: Mapper | None) -> JournalEvent:
    name, version, event_id, partition, sequence, data, subject, wrapped, actor, correlation_id = row
    position = Position(readable.context, partition, sequence)
    key = None if subject is None else WrappedKey(subject, wrapped)
    event = _hidden(readable, name, data, key) if mapper is None else _opened(mapper, readable, name, data, key)
    erased = key is not None and key.wrapped is None
    return JournalEvent(event, stream, version, event_id, position, actor, correlation_id, erased)


def _opened(mapper: Mapper, readable: Readable, name: str, data: bytes, key: WrappedKey | None) -> Event:
    """With the key, or without one where there is nothing to open; otherwise the values' keys are lost."""
    if key is not None:
        mapper.keyring.learn(key)
    elif mapper.holds_sealed(name, data):
        return _hidden(readable, name, data, key)
    return mapper.decode_as(Event, name, data, None if key is None else key.subject)


def _hidden(readable: Readable, name: str, data: bytes, key: WrappedKey | None) -> Event:
    """A value in clear, of an earlier release, has no key where its person has no other values."""
    type_, body = readable.types[name], orjson.loads(data)
    for field in type_.personal_fields:
        if (value := body.get(field)) not in (None, ""):
            known = not isinstance(value, dict) if key is None else key.wrapped is not None
            body[field] = readable.placeholders.get(field, SEALED) if known else None
    return type_.model_validate(body)

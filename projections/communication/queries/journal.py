"""The events of this context's streams, as the journal shows them without keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import AsyncConnection

from domain.communication.events import EVENTS
from domain.messages import Event
from projections.journal import JournalEvent, Readable, read_stream
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased

CONTEXT = "communication"
READABLE = Readable(
    CONTEXT, {event.name: event for event in EVENTS} | {SubjectErased.name: SubjectErased}, placeholders={"data": {}}
)


async def events_of(
    connection: AsyncConnection[Row],
    stream: str,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    without: Sequence[type[Event]] = (),
) -> list[JournalEvent]:
    """The events of a stream in order: up to a time, or of these versions, without some types."""
    return await read_stream(connection, READABLE, stream, until, versions, without)

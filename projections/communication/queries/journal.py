"""The events of this context's streams, as the journal shows them, with a mapper or without keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from domain.communication.events import EVENTS
from domain.communication.message import DecidedEvent
from domain.messages import Event
from projections.journal import JournalEvent, Readable, read_stream
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased

CONTEXT = "communication"
READABLE = Readable(
    CONTEXT, {event.name: event for event in EVENTS} | {SubjectErased.name: SubjectErased}, placeholders={"data": {}}
)

QUOTED: Mapping[str, None] = {"cause": None}
"""The inputs of a decision that quoted a text from outside, withheld once the person is erased."""


async def events_of(
    connection: AsyncConnection[Row],
    stream: str,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    without: Sequence[type[Event]] = (),
    mapper: Mapper | None = None,
) -> list[JournalEvent]:
    """The events of a stream in order: up to a time, or of these versions, without some types."""
    found = await read_stream(connection, READABLE, stream, until, versions, without, mapper)
    return [one._replace(fact=_quoting_nothing(one.fact)) if one.erased else one for one in found]


def _quoting_nothing(event: Event) -> Event:
    """Decisions of earlier releases quote the words in which a provider reported the address."""
    decision = event.decision if isinstance(event, DecidedEvent) else None
    if decision is None:
        return event
    trail = tuple(step | {"inputs": step["inputs"] | QUOTED} if _quotes(step) else step for step in decision.trail)
    return event.model_copy(update={"decision": decision.model_copy(update={"trail": trail})})


def _quotes(step: Mapping[str, Any]) -> bool:
    return bool(step.get("inputs", {}).keys() & QUOTED.keys())

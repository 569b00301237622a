"""The endpoint of a generation's progress: server-sent events, resumed after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.errors import FieldError, invalid
from api.gccp.dependencies import Dependencies, Own
from api.gccp.generations import ALLOWED, check_owner
from api.routing import LeanRoute
from api.streaming.event_stream import EventStream
from api.surface import Read
from projections.gccp.generations import GenerationRow, by_id
from projections.gccp.progress import ENDS, ProgressRow, heads_of, progress_after
from streams.core.envelope import Position
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api/generations", tags=["Content Generation"])

LAST_SEEN = "Last-Event-ID"
STREAM_SECONDS = 3600.0
"""Seconds that a stream lasts: the lifetime of an access token. A client continues with a new token."""

AT_ONCE = 100


@router.get("/{generation_id}/progress", response_class=Response)
async def progress(
    generation_id: UUID, caller: Annotated[Caller, ALLOWED], request: Request, reads: Read, own: Own
) -> Response:
    """Everything that happened to the generation, and then everything as it happens, until it is over.

    `Last-Event-ID` names the last event that was seen; 204 says that there is nothing after it and never will be.
    """
    last = _last_seen(request)
    _, row, rows = await _events_after(reads, generation_id, last)
    check_owner(row, caller)
    if not rows and row is not None and row.status in ENDS:
        return Response(status_code=204)
    return EventStream(_events(own, reads, generation_id, last))


def _last_seen(request: Request) -> Position | None:
    given = request.headers.get(LAST_SEEN)
    if not given:
        return None
    try:
        return Position.parse(given)
    except ValueError:
        raise invalid([FieldError(LAST_SEEN, "must be the id of an event of this stream", missing=False)]) from None


async def _events_after(
    reads: Reads, generation_id: UUID, last: Position | None
) -> tuple[int, GenerationRow | None, list[ProgressRow]]:
    """The sequence of the generation's last event, its row, and its events after `last`.

    The order of the queries matters: an event that ends the generation is among the events, and an event recorded
    meanwhile comes after the sequence.
    """
    async with reads.connection() as connection:
        heads = await heads_of(connection, [generation_id])
        row = await by_id(connection, generation_id)
        return heads.get(generation_id, 0), row, await progress_after(connection, generation_id, last, AT_ONCE)


async def _events(
    own: Dependencies, reads: Reads, generation_id: UUID, last: Position | None
) -> AsyncGenerator[bytes, None]:
    until = asyncio.get_running_loop().time() + STREAM_SECONDS
    while True:
        head, row, rows = await _events_after(reads, generation_id, last)
        for happened in rows:
            yield _event(generation_id, happened)
            last = happened.position
        if len(rows) == AT_ONCE:
            continue
        if row is None or row.status in ENDS or not await _wait_for_more(own, generation_id, head, until):
            return


async def _wait_for_more(own: Dependencies, generation_id: UUID, head: int, until: float) -> bool:
    """Waits for an event after our `head`, not after the position that the client claims; False at the deadline."""
    try:
        async with asyncio.timeout_at(until):
            await own.progress.after(generation_id, head)
    except TimeoutError:
        return False
    return True


def _event(generation_id: UUID, row: ProgressRow) -> bytes:
    shown: dict[str, Any] = {"generation_id": generation_id, "event": row.event, "at": row.at, "percent": row.percent}
    more = {"step": row.step, "code": row.code, "reason": row.reason, "retry_at": row.retry_at}
    shown |= {name: value for name, value in more.items() if value is not None}
    data = orjson.dumps(shown).decode()
    return f"id: {row.position}\nevent: {row.event}\ndata: {data}\n\n".encode()

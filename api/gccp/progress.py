"""A generation's progress as server-sent events, which whoever lost the connection can go on with."""

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
FOLLOW_SECONDS = 3600.0
"""As long as an access token lives; who wants to know more comes again with a new one."""

AT_ONCE = 100


@router.get("/{generation_id}/progress", response_class=Response)
async def progress(
    generation_id: UUID, caller: Annotated[Caller, ALLOWED], request: Request, reads: Read, own: Own
) -> Response:
    """Everything that happened to the generation, and then everything as it happens, until it is over.

    `Last-Event-ID` names the last event that was seen; 204 says that there is nothing after it and never will be.
    """
    last = _last_seen(request)
    _, row, rows = await _seen(reads, generation_id, last)
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


async def _seen(
    reads: Reads, generation_id: UUID, last: Position | None
) -> tuple[int, GenerationRow | None, list[ProgressRow]]:
    """The place of its last event, then the generation, then what there is to tell.

    In this order what has ended it is among the rows, and what happens meanwhile is after the place.
    """
    async with reads.connection() as connection:
        heads = await heads_of(connection, [generation_id])
        row = await by_id(connection, generation_id)
        return heads.get(generation_id, 0), row, await progress_after(connection, generation_id, last, AT_ONCE)


async def _events(
    own: Dependencies, reads: Reads, generation_id: UUID, last: Position | None
) -> AsyncGenerator[bytes, None]:
    until = asyncio.get_running_loop().time() + FOLLOW_SECONDS
    while True:
        head, row, rows = await _seen(reads, generation_id, last)
        for happened in rows:
            yield _event(generation_id, happened)
            last = happened.position
        if len(rows) == AT_ONCE:
            continue
        if row is None or row.status in ENDS or not await _more(own, generation_id, head, until):
            return


async def _more(own: Dependencies, generation_id: UUID, head: int, until: float) -> bool:
    """Waits for more to happen than is known here, whatever the client says it knows; False when it is long enough."""
    try:
        async with asyncio.timeout_at(until):
            await own.progress.after(generation_id, head)
    except TimeoutError:
        return False
    return True


def _event(generation_id: UUID, row: ProgressRow) -> bytes:
    told: dict[str, Any] = {"generation_id": generation_id, "event": row.event, "at": row.at, "percent": row.percent}
    more = {"step": row.step, "code": row.code, "reason": row.reason, "retry_at": row.retry_at}
    told |= {name: value for name, value in more.items() if value is not None}
    data = orjson.dumps(told).decode()
    return f"id: {row.position}\nevent: {row.event}\ndata: {data}\n\n".encode()

"""Server-sent events of a live session: the socket's messages, for those who only listen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.content_generator.access import READ
from api.content_generator.dependencies import Own
from api.content_generator.live_hub import LiveHub
from api.errors import ApiError
from api.routing import LeanRoute
from api.streaming.event_stream import EventStream, channel_events
from api.streaming.hub import position_of, sequence_of
from api.streaming.sockets import SocketMessage
from api.surface import Read, may
from projections.content_generator.queries.sessions import SessionRow, session_by_id

router = APIRouter(route_class=LeanRoute, prefix="/api/v2", tags=["Session Management"])

LAST_SEEN = "Last-Event-ID"


@router.get("/session/{session_id}/events", response_class=Response)
async def events(
    session_id: str, caller: Annotated[Caller, may(READ)], request: Request, reads: Read, own: Own
) -> Response:
    """Everything that is broadcast in the session as it happens, until the session ends. A listener joins nothing.

    `Last-Event-ID` names the last event that was seen, of the socket too; the welcome says whether what followed it
    comes now. 204 says that there is nothing after it and never will be.
    """
    async with reads.connection() as connection:
        row = await session_by_id(connection, caller.tenant, session_id)
    if row is None:
        raise ApiError(404, "There is no such session", kind="NotFound")
    last = request.headers.get(LAST_SEEN)
    resumed = _resumed(row, last)
    if not row.active and resumed == row.message_count:
        return Response(status_code=204)
    return EventStream(_events(own.live, row, resumed, recovered=None if last is None else resumed is not None))


def _resumed(row: SessionRow, last: str | None) -> int | None:
    """The sequence to resume after; None without a position, for one of another session, and for one not reached."""
    sequence = None if last is None else sequence_of(row.session, last)
    return sequence if sequence is not None and sequence <= row.message_count else None


async def _events(
    live: LiveHub, row: SessionRow, resumed: int | None, recovered: bool | None
) -> AsyncGenerator[bytes, None]:
    """The welcome bears the position, so that a client that has heard nothing yet resumes from there."""
    after = row.message_count if resumed is None else resumed
    welcome: dict[str, object] = {
        "session_id": row.session_id,
        "participant_count": row.participant_count,
        "position": position_of(row.session, row.message_count),
    }
    if recovered is not None:
        welcome["recovered"] = recovered
    text = live.sockets.render(SocketMessage("welcome", welcome))
    yield f"id: {position_of(row.session, after)}\ndata: {text}\n\n".encode()
    async with aclosing(channel_events(live.hub, row.session, after)) as messages:
        async for message in messages:
            yield message

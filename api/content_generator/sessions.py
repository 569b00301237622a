"""Live sessions as callers read them, and announcements to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from api.auth import Caller
from api.content_generator.access import READ, WRITE
from api.content_generator.dependencies import Own
from api.content_generator.fields import Body, Line, SessionId, Shown, Text
from api.errors import ApiError
from api.fields import DIGITS
from api.routing import LeanRoute
from api.submission import submit_and_wait
from api.surface import Act, Read, may
from commands.content_generator.announcement import MakeAnnouncement
from domain.content_generator.announcement import Words
from projections.content_generator.live_messages import Broadcast, LiveMessage, broadcasts_of, messages_after
from projections.content_generator.queries.sessions import (
    SessionRow,
    connected_sessions,
    current_improvements,
    live_sessions,
    participants_of,
    session_by_id,
    session_metrics,
    techniques_of,
)
from streams.core.read_models import Row

router = APIRouter(route_class=LeanRoute, prefix="/api/v2", tags=["Session Management"])

REPLAY_LIMIT = 1000
PATIENCE_SECONDS = 10.0


class WordsBody(Body):
    type: Line
    title: Line
    message: Annotated[Text, Field(min_length=1)]
    action_url: Annotated[str, Field(max_length=2_000)] | None = None


class AnnounceBody(Body):
    """An announcement, to one session or to all that run."""

    announcement: WordsBody
    session_id: SessionId | None = None


class AnnounceAnswer(BaseModel):
    """`delivered`: somebody was connected."""

    status: str = "announced"
    sessions_notified: list[str]
    participant_count: int
    delivered: bool


class ParticipantAnswer(BaseModel):
    """A participant; id and name are null once erased."""

    id: str | None
    name: str | None
    joined_at: Shown


class SessionInfo(BaseModel):
    title: str
    instructor: str | None
    participant_count: int
    participants: list[ParticipantAnswer]
    started_at: Shown
    techniques_used: list[str]


class SessionMetrics(BaseModel):
    """`average_hrv` is in percent, the rates are fractions, the quality is the mean rating from 1 to 5."""

    average_hrv: float | None
    completion_rate: float
    quality_score: float | None
    engagement_rate: float


class ReplayMessage(BaseModel):
    timestamp: Shown
    type: str
    content: dict[str, JsonValue]
    position: int


class Replay(BaseModel):
    message_count: int
    messages: list[ReplayMessage]


class SessionContent(BaseModel):
    session_id: str
    active: bool
    session_info: SessionInfo
    metrics: SessionMetrics | None = None
    replay: Replay | None = None


class LiveMetrics(BaseModel):
    current_hrv_improvement: float | None


class LiveSession(BaseModel):
    session_id: str
    title: str
    instructor: str | None
    participant_count: int
    active: bool
    started_at: Shown
    metrics: LiveMetrics | None = None


class LiveSessions(BaseModel):
    count: int
    sessions: list[LiveSession]


@router.post("/live-announce", response_model=AnnounceAnswer)
async def announce(
    body: AnnounceBody, caller: Annotated[Caller, may(WRITE)], act: Act, reads: Read, own: Own
) -> AnnounceAnswer | Response:
    """Announce something to a running session, or to all of them."""
    async with reads.connection() as connection:
        running = await connected_sessions(connection, caller.tenant)
    sessions = tuple(one for one in running if body.session_id in (None, one))
    announcement_id = act.new_id("announcement").hex
    command = MakeAnnouncement(
        at=act.at,
        announcement_id=announcement_id,
        tenant=caller.tenant,
        words=Words(**body.announcement.model_dump()),
        sessions=sessions,
        made_by=caller.subject,
    )
    broadcasts = await _broadcasts(act, own, command, announcement_id, len(sessions))
    notified = [one.session.partition("/")[2] for one in broadcasts]
    return AnnounceAnswer(
        sessions_notified=notified,
        participant_count=sum(one.participants for one in broadcasts),
        delivered=bool(notified),
    )


async def _broadcasts(
    act: Act, own: Own, command: MakeAnnouncement, announcement_id: str, expected: int
) -> list[Broadcast]:
    """What has reached the sessions within the time; sessions that ended meanwhile are not waited for beyond it."""

    async def look(connection: AsyncConnection[Row]) -> list[Broadcast] | None:
        found = await broadcasts_of(connection, announcement_id)
        return found if len(found) >= expected else None

    found = await submit_and_wait(
        act, command, own.broadcasts, announcement_id, look, PATIENCE_SECONDS if expected else 0.0
    )
    if found is not None:
        return found
    async with own.engine.reads.connection() as connection:
        return await broadcasts_of(connection, announcement_id)


@router.get("/session/{session_id}/content", response_model_exclude_unset=True)
async def content(
    session_id: str,
    caller: Annotated[Caller, may(READ)],
    reads: Read,
    include_metrics: bool = False,
    include_replay: bool = False,
    replay_after: Annotated[int, Field(ge=0, le=2**31 - 1), DIGITS] = 0,
    replay_limit: Annotated[int, Field(ge=1, le=REPLAY_LIMIT), DIGITS] = REPLAY_LIMIT,
) -> SessionContent:
    """A session with its participants, its figures, and what was broadcast in it."""
    async with reads.connection() as connection:
        row = await session_by_id(connection, caller.tenant, session_id)
        if row is None:
            raise ApiError(404, "There is no such session", kind="NotFound")
        parts: dict[str, object] = {"session_info": await _info(connection, row)}
        if include_metrics:
            parts["metrics"] = SessionMetrics(**(await session_metrics(connection, row.session))._asdict())
        if include_replay:
            messages = await messages_after(connection, row.session, replay_after, replay_limit)
            parts["replay"] = Replay(message_count=row.message_count, messages=[_replayed(one) for one in messages])
    return SessionContent.model_validate({"session_id": session_id, "active": row.active} | parts)


async def _info(connection: AsyncConnection[Row], row: SessionRow) -> SessionInfo:
    participants = await participants_of(connection, row.session)
    return SessionInfo(
        title=row.title,
        instructor=row.instructor,
        participant_count=row.participant_count,
        participants=[
            ParticipantAnswer(id=one.client_id, name=one.name, joined_at=one.joined_at) for one in participants
        ],
        started_at=row.started_at,
        techniques_used=await techniques_of(connection, row.session),
    )


def _replayed(message: LiveMessage) -> ReplayMessage:
    return ReplayMessage(timestamp=message.at, type=message.type, content=message.payload, position=message.number)


@router.get("/sessions/live", response_model_exclude_unset=True)
async def live(caller: Annotated[Caller, may(READ)], reads: Read, include_metrics: bool = False) -> LiveSessions:
    """The sessions that run, the oldest first."""
    async with reads.connection() as connection:
        rows = await live_sessions(connection, caller.tenant)
        improvements = await current_improvements(connection, [row.session for row in rows]) if include_metrics else {}
    return LiveSessions(count=len(rows), sessions=[_live(row, improvements) for row in rows])


def _live(row: SessionRow, improvements: dict[str, float | None]) -> LiveSession:
    shown = LiveSession(
        session_id=row.session_id,
        title=row.title,
        instructor=row.instructor,
        participant_count=row.participant_count,
        active=row.active,
        started_at=row.started_at,
    )
    if row.session not in improvements:
        return shown
    return shown.model_copy(update={"metrics": LiveMetrics(current_hrv_improvement=improvements[row.session])})

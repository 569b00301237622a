"""Live sessions as callers read them: one with its participants and figures, and those that run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.live_session import SessionPhase
from domain.content_generator.rates import hrv_improvement, mean, share
from projections.content_generator.live_messages import TECHNIQUE
from streams.core.read_models import Row


class SessionRow(NamedTuple):
    """A session. Until it is described its title is its id. It is active until it has ended."""

    session: str
    tenant: str
    session_id: str
    phase: SessionPhase
    title: str
    instructor: str | None
    participant_count: int
    message_count: int
    started_at: datetime
    ended_at: datetime | None

    @property
    def active(self) -> bool:
        return self.ended_at is None


class Participant(NamedTuple):
    """A participant who is present, or was at the end. An erased one has no id and no name."""

    client_id: str | None
    name: str | None
    joined_at: datetime


SESSION = """
    select session, tenant, session_id, phase, coalesce(title, session_id), instructor, participants, number,
           started_at, ended_at
      from content_generator_sessions
"""


def _session(row: Row) -> SessionRow:
    found = SessionRow(*row)
    return found._replace(phase=SessionPhase(found.phase))


async def session_by_id(connection: AsyncConnection[Row], tenant: str, session_id: str) -> SessionRow | None:
    """The tenant's session; None if nobody has joined one of this id."""
    row = await (await connection.execute(f"{SESSION} where session = %s", (f"{tenant}/{session_id}",))).fetchone()
    return None if row is None else _session(row)


async def live_sessions(connection: AsyncConnection[Row], tenant: str) -> list[SessionRow]:
    """The tenant's sessions that have not ended, the oldest first."""
    sql = f"{SESSION} where tenant = %s and ended_at is null order by started_at, session_id"
    return [_session(row) for row in await (await connection.execute(sql, (tenant,))).fetchall()]


CONNECTED = """
    select session_id from content_generator_sessions s
     where tenant = %s and phase = 'active' and ended_at is null
       and exists (select from content_generator_connections c where c.session = s.session)
     order by started_at, session_id
"""


async def connected_sessions(connection: AsyncConnection[Row], tenant: str) -> list[str]:
    """The ids of the tenant's running sessions with a connection of any role: those that an announcement is for."""
    return [session_id for (session_id,) in await (await connection.execute(CONNECTED, (tenant,))).fetchall()]


async def participants_of(connection: AsyncConnection[Row], session: str) -> list[Participant]:
    """Those present, or those present at the end, in the order in which they first joined."""
    sql = """
        select client_id, participant_name, joined_at from content_generator_participants
         where session = %s and present and joined_at is not null order by joined_at, mark
    """
    return [Participant(*row) for row in await (await connection.execute(sql, (session,))).fetchall()]


TECHNIQUES = f"""
    select payload ->> 'title' from content_generator_live_messages
     where session = %s and type = '{TECHNIQUE}' group by 1 order by min(number)
"""


async def techniques_of(connection: AsyncConnection[Row], session: str) -> list[str]:
    """The titles of the techniques used, each once, in the order of first use."""
    return [title for (title,) in await (await connection.execute(TECHNIQUES, (session,))).fetchall()]


class SessionMetrics(NamedTuple):
    """The figures of a session: percent for HRV, fractions for the rates, 1 to 5 for the quality."""

    average_hrv: float | None
    completion_rate: float
    quality_score: float | None
    engagement_rate: float


COUNTS = """
    select count(joined_at), count(*) filter (where present and joined_at is not null),
           count(*) filter (where reported and joined_at is not null),
           (select count(rating) from content_generator_feedback where session = %(session)s),
           (select coalesce(sum(rating), 0)::bigint from content_generator_feedback where session = %(session)s)
      from content_generator_participants where session = %(session)s
"""

READINGS = """
    select hrv_first, hrv_last from content_generator_participants where session = %s and hrv_last is not null
"""


async def session_metrics(connection: AsyncConnection[Row], session: str) -> SessionMetrics:
    """The session's figures: those present are those who completed it, now while it runs."""
    row = await (await connection.execute(COUNTS, {"session": session})).fetchone()
    assert row is not None
    joined, present, reported, ratings, rated = row
    readings = await (await connection.execute(READINGS, (session,))).fetchall()
    quality = mean([Fraction(rated, ratings)]) if ratings else None
    return SessionMetrics(_improvement(readings), share(present, joined), quality, share(reported, joined))


def _improvement(readings: Iterable[Row]) -> float | None:
    improvements = (hrv_improvement(first, last) for first, last in readings)
    return mean(improvement for improvement in improvements if improvement is not None)


PRESENT_READINGS = """
    select session, hrv_first, hrv_last from content_generator_participants
     where session = any(%s) and present and hrv_last is not null
"""


async def current_improvements(connection: AsyncConnection[Row], sessions: Iterable[str]) -> dict[str, float | None]:
    """The mean HRV improvement of those present in each of these sessions; None where none of them has read."""
    wanted = list(sessions)
    readings: dict[str, list[Row]] = {session: [] for session in wanted}
    for session, *reading in await (await connection.execute(PRESENT_READINGS, (wanted,))).fetchall():
        readings[session].append(tuple(reading))
    return {session: _improvement(found) for session, found in readings.items()}

"""What a hub of live sessions reads: the next messages of many sessions at once, and which of them are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from projections.content_generator.live_messages import message_of
from streams.core.read_models import Row


class SessionMessage(NamedTuple):
    """A message of a session. Names of erased people in its payload are None."""

    session: str
    number: int
    type: str
    payload: dict[str, JsonValue]


NEXT = """
    select m.session, m.number, m.at, m.type, m.payload, m.participant_name, coalesce(s.title, s.session_id),
           s.instructor
      from unnest(%(sessions)s::text[], %(numbers)s::int[]) as wanted(session, after)
      cross join lateral (
           select * from content_generator_live_messages
            where session = wanted.session and number > wanted.after order by number limit %(most)s) m
      join content_generator_sessions s on s.session = m.session
     order by m.session, m.number limit %(most)s
"""


async def messages_of(connection: AsyncConnection[Row], after: Mapping[str, int], most: int) -> list[SessionMessage]:
    """The messages after a number of each session, at most so many, ordered by session and number."""
    values = {"sessions": list(after), "numbers": list(after.values()), "most": most}
    rows = await (await connection.execute(NEXT, values)).fetchall()
    found = [(session, message_of(*row)) for session, *row in rows]
    return [SessionMessage(session, one.number, one.type, one.payload) for session, one in found]


ENDED = """
    select s.session, s.number from unnest(%(sessions)s::text[], %(numbers)s::int[]) as wanted(session, after)
      join content_generator_sessions s on s.session = wanted.session
     where s.ended_at is not null and s.number <= wanted.after
"""


async def heard_out(connection: AsyncConnection[Row], after: Mapping[str, int]) -> dict[str, int]:
    """Those of these sessions that have ended and have no message after the number, with their last number."""
    values = {"sessions": list(after), "numbers": list(after.values())}
    return dict(await (await connection.execute(ENDED, values)).fetchall())

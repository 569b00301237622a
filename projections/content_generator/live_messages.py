"""One row per message broadcast in a live session, in the session's own order: what sockets hear, resume and replay.

Numbers count from 1 without gaps. The first message is `session_started`. A participant's name stands beside the
payload, and the instructor's words in the session's row, so that an erasure reaches them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection
from pydantic import JsonValue

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.live_session import (
    AnnouncementBroadcast,
    ConnectionClosed,
    ConnectionOpened,
    LiveSessionEvent,
    MilestoneReached,
    OfSession,
    ParticipantJoined,
    ParticipantLeft,
    SessionDescribed,
    SessionEnded,
    SessionEnding,
    SessionStarted,
    TechniqueChanged,
)
from domain.content_generator.results import shown_time
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put

STARTED, JOINED = "session_started", "participant_joined"
TECHNIQUE, MILESTONE = "technique_changed", "hrv_milestone"
ANNOUNCEMENT, ENDING = "announcement", "session_ending"
"""The types of messages."""


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfSession() as fact:
            row = _row(fact)
            if row is not None:
                yield row


def _row(fact: LiveSessionEvent) -> Change | None:
    match fact:
        case SessionStarted():
            return _message(fact, STARTED, {})
        case ParticipantJoined():
            payload = {"count": fact.count, "timestamp": shown_time(fact.at)}
            return _message(fact, JOINED, payload, mark=fact.mark, participant_name=fact.participant_name)
        case TechniqueChanged():
            payload = {"title": fact.title, "instruction": fact.instruction, "duration": fact.duration}
            return _message(fact, TECHNIQUE, payload)
        case MilestoneReached():
            payload = {"improvement": fact.improvement, "message": fact.message, "achievement": fact.achievement}
            return _message(fact, MILESTONE, payload)
        case AnnouncementBroadcast():
            return _announcement(fact)
        case SessionEnding():
            payload = {"summary_available": fact.summary_available, "duration": fact.duration}
            return _message(fact, ENDING, payload)
        case SessionDescribed() | ParticipantLeft() | ConnectionOpened() | ConnectionClosed() | SessionEnded():
            return None
        case _:
            assert_never(fact)


Numbered = (
    SessionStarted | ParticipantJoined | TechniqueChanged | MilestoneReached | AnnouncementBroadcast | SessionEnding
)


def _message(fact: Numbered, type_: str, payload: dict[str, object], **columns: object) -> Change:
    return put(fact.session, fact.number, at=fact.at, type=type_, payload=payload, **columns)


def _announcement(fact: AnnouncementBroadcast) -> Change:
    payload: dict[str, object] = {
        "type": fact.type,
        "title": fact.title,
        "message": fact.message,
        "action_url": fact.action_url,
    }
    heard = {"connections": fact.connections, "participants": fact.participants}
    return _message(fact, ANNOUNCEMENT, payload, announcement_id=fact.announcement_id, **heard)


LIVE_MESSAGES = ReadModel(
    "content_generator_live_messages",
    version=1,
    key=("session", "number"),
    project=project,
    subject="mark",
    personal=("participant_name",),
    ddl="""
    create table {table} (
        session         text not null,
        number          int not null,
        at              timestamptz not null,
        type            text not null,
        payload         json not null,
        mark            text,
        participant_name text,
        announcement_id text,
        connections     int,
        participants    int,
        primary key (session, number)
    );
    create index on {table} (session, number) where type = 'technique_changed';
    create index on {table} (announcement_id) where announcement_id is not null;
    create index on {table} (mark) where mark is not null;
""",
)


class LiveMessage(NamedTuple):
    """A message. Names of erased people in its payload are None."""

    number: int
    at: datetime
    type: str
    payload: dict[str, JsonValue]


MESSAGES = """
    select m.number, m.at, m.type, m.payload, m.participant_name, coalesce(s.title, s.session_id), s.instructor
      from content_generator_live_messages m join content_generator_sessions s using (session)
     where m.session = %s and m.number > %s order by m.number limit %s
"""


async def messages_after(
    connection: AsyncConnection[Row], session: str, number: int = 0, limit: int = 1000
) -> list[LiveMessage]:
    """The messages of a session after that number, in order."""
    rows = await (await connection.execute(MESSAGES, (session, number, limit))).fetchall()
    return [message_of(*row) for row in rows]


def message_of(
    number: int,
    at: datetime,
    type_: str,
    payload: dict[str, JsonValue],
    name: str | None,
    title: str,
    instructor: str | None,
) -> LiveMessage:
    """The message in a row, with the words of its session and the name of its person."""
    beside: dict[str, dict[str, JsonValue]] = {
        STARTED: {"title": title, "instructor": instructor},
        JOINED: {"name": name},
    }
    return LiveMessage(number, at, type_, beside.get(type_, {}) | payload)


async def last_numbers(connection: AsyncConnection[Row], sessions: Collection[str]) -> dict[str, int]:
    """The number of the last message of each of these sessions that has begun."""
    sql = "select session, number from content_generator_sessions where session = any(%s)"
    return dict(await (await connection.execute(sql, (list(sessions),))).fetchall())


class Broadcast(NamedTuple):
    """An announcement in one session: who was there at that moment."""

    session: str
    number: int
    connections: int
    participants: int


async def broadcasts_of(connection: AsyncConnection[Row], announcement_id: str) -> list[Broadcast]:
    """The sessions that the announcement has come to."""
    sql = """
        select session, number, connections, participants from content_generator_live_messages
         where announcement_id = %s order by session
    """
    return [Broadcast(*row) for row in await (await connection.execute(sql, (announcement_id,))).fetchall()]


async def broadcast_counts(connection: AsyncConnection[Row], announcements: Set[str]) -> dict[str, int]:
    """The number of sessions that each of these announcements has come to, where it has come to any."""
    sql = """
        select announcement_id, count(*) from content_generator_live_messages
         where announcement_id = any(%s) group by 1
    """
    return dict(await (await connection.execute(sql, (sorted(announcements),))).fetchall())

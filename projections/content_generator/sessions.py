"""One row per live session: its course, its instructor's words on it, and the number of its last message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

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
    SessionPhase,
    SessionStarted,
    TechniqueChanged,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfSession() as fact:
            row = _change(fact)
            if row is not None:
                yield row


def _change(fact: LiveSessionEvent) -> Change | None:
    match fact:
        case SessionStarted():
            known = {"tenant": fact.tenant, "session_id": fact.session_id, "started_at": fact.at}
            return put(fact.session, phase=SessionPhase.ACTIVE.value, number=fact.number, **known)
        case SessionDescribed():
            by = {"instructor_mark": fact.mark, "instructor": fact.instructor}
            return change(fact.session, title=fact.title, **by)
        case ParticipantJoined():
            return change(fact.session, number=fact.number, participants=fact.count)
        case ParticipantLeft():
            return change(fact.session, participants=fact.count)
        case TechniqueChanged() | MilestoneReached() | AnnouncementBroadcast():
            return change(fact.session, number=fact.number)
        case SessionEnding():
            return change(fact.session, phase=SessionPhase.ENDING.value, number=fact.number)
        case SessionEnded():
            return change(fact.session, phase=SessionPhase.ENDED.value, ended_at=fact.at)
        case ConnectionOpened() | ConnectionClosed():
            return None
        case _:
            assert_never(fact)


SESSIONS = ReadModel(
    "content_generator_sessions",
    version=1,
    key=("session",),
    project=project,
    subject="instructor_mark",
    personal=("instructor",),
    ddl="""
    create table {table} (
        session         text primary key,
        tenant          text not null,
        session_id      text not null,
        phase           text not null,
        number          int not null,
        participants    int not null default 0,
        title           text,
        instructor_mark text,
        instructor      text,
        started_at      timestamptz not null,
        ended_at        timestamptz
    );
    create index on {table} (tenant, started_at, session_id) where ended_at is null;
""",
)

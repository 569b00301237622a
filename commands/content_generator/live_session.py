"""Live sessions: joins and leaves of connections, what instructors broadcast, and the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from domain.content_generator.live_session import (
    ConnectionClosed,
    ConnectionOpened,
    LiveSession,
    LiveSessionEvent,
    MilestoneReached,
    ParticipantJoined,
    ParticipantLeft,
    Role,
    SessionDescribed,
    SessionEnded,
    SessionEnding,
    SessionPhase,
    SessionStarted,
    TechniqueChanged,
    evolve,
)
from domain.messages import Command, Instant, Personal, Refused

EMPTY_FOR = timedelta(minutes=15)
"""The time without any connection after which a session ends."""

ENDING_FOR = timedelta(seconds=5)
"""The time between the word that a session ends and its end."""


class SessionOver(Refused, name="content_generator.session_over"):
    """The session ends, or has ended: nobody joins it, and nothing is broadcast. Socket error `session_ended`."""


class ClientErased(Refused, name="content_generator.client_erased"):
    """The client's data was erased. Socket error `client_erased`."""


class NotConnected(Refused, name="content_generator.not_connected"):
    """The sender has no open connection with the role that this takes. Socket error `forbidden`."""


class OfSession(Command):
    """A command of one session, whose key is `tenant/session_id`."""

    session: str
    tenant: str
    session_id: str


class JoinSession(OfSession, name="content_generator.live_session.join.v1", key="session", subject="mark"):
    """Open a connection of a node. The first one, of any role, starts the session."""

    mark: str
    client_id: Personal[str]
    client_name: Personal[str]
    role: Role
    connection_id: str
    node: str


class CloseConnection(OfSession, name="content_generator.live_session.close_connection.v1", key="session"):
    """Close a connection. Its command id derives from the connection's, so it counts once, whoever sees it."""

    connection_id: str


class DescribeSession(OfSession, name="content_generator.live_session.describe.v1", key="session", subject="mark"):
    mark: str
    title: str
    instructor: Personal[str]


class ChangeTechnique(OfSession, name="content_generator.live_session.change_technique.v1", key="session"):
    title: str
    instruction: str
    duration: float | None


class ReachMilestone(OfSession, name="content_generator.live_session.reach_milestone.v1", key="session"):
    improvement: float
    message: str
    achievement: str


class EndSession(OfSession, name="content_generator.live_session.end.v1", key="session"):
    """End the session in a moment. `summary_available`: a summary of it existed when this was said."""

    summary_available: bool


class EndIfEmpty(OfSession, name="content_generator.live_session.end_if_empty.v1", key="session"):
    """End a session that nobody has joined again; `empty` counts the times that it was left empty."""

    empty: int


class CloseSession(OfSession, name="content_generator.live_session.close.v1", key="session"):
    """End an ending session for good."""


class _Fields(TypedDict):
    at: Instant
    session: str
    tenant: str
    session_id: str


def _fields(command: OfSession) -> _Fields:
    return {
        "at": command.at,
        "session": command.session,
        "tenant": command.tenant,
        "session_id": command.session_id,
    }


def join(command: JoinSession, session: LiveSession) -> Sequence[LiveSessionEvent]:
    if session.phase in (SessionPhase.ENDING, SessionPhase.ENDED):
        raise SessionOver("the session is over")
    if command.client_id is None:
        raise ClientErased("this client was erased")
    if command.connection_id in session.connections:
        return []
    fields, events = _fields(command), list[LiveSessionEvent]()
    if session.phase is SessionPhase.ABSENT:
        events.append(SessionStarted(**fields, number=1))
    if command.role is Role.PARTICIPANT and command.mark not in session.present:
        events.append(_joined(command, session, fields, number=session.number + len(events) + 1))
    count = len(session.present | ({command.mark} if command.role is Role.PARTICIPANT else set()))
    opened = ConnectionOpened(
        **fields,
        mark=command.mark,
        connection_id=command.connection_id,
        node=command.node,
        role=command.role,
        position=session.number + len(events),
        count=count,
        refills=session.empty if session.waiting else None,
    )
    return [*events, opened]


def _joined(command: JoinSession, session: LiveSession, fields: _Fields, number: int) -> ParticipantJoined:
    return ParticipantJoined(
        **fields,
        number=number,
        mark=command.mark,
        client_id=command.client_id,
        participant_name=command.client_name,
        count=len(session.present) + 1,
        first=command.mark not in session.joined,
    )


def close_connection(command: CloseConnection, session: LiveSession) -> Sequence[LiveSessionEvent]:
    """A late close of an old connection changes nothing for the newer ones of the same client."""
    known = session.connections.get(command.connection_id)
    if known is None or session.phase is SessionPhase.ENDED:
        return []
    last = len(session.connections) == 1
    closed = ConnectionClosed(
        **_fields(command),
        mark=known.mark,
        connection_id=command.connection_id,
        empty=session.empty + 1 if last and session.phase is SessionPhase.ACTIVE else None,
    )
    present = evolve(session, closed).present
    if known.mark in present or known.role is not Role.PARTICIPANT:
        return [closed]
    return [closed, ParticipantLeft(**_fields(command), mark=known.mark, count=len(present))]


def _check_active(session: LiveSession) -> None:
    if session.phase is SessionPhase.ABSENT:
        raise NotConnected("nobody is connected to this session")
    if session.phase is not SessionPhase.ACTIVE:
        raise SessionOver("the session is over")


def describe(command: DescribeSession, session: LiveSession) -> Sequence[LiveSessionEvent]:
    _check_active(session)
    described = SessionDescribed(
        **_fields(command), mark=command.mark, title=command.title, instructor=command.instructor
    )
    return [described]


def change_technique(command: ChangeTechnique, session: LiveSession) -> Sequence[LiveSessionEvent]:
    _check_active(session)
    changed = TechniqueChanged(
        **_fields(command),
        number=session.number + 1,
        title=command.title,
        instruction=command.instruction,
        duration=command.duration,
    )
    return [changed]


def reach_milestone(command: ReachMilestone, session: LiveSession) -> Sequence[LiveSessionEvent]:
    _check_active(session)
    reached = MilestoneReached(
        **_fields(command),
        number=session.number + 1,
        improvement=command.improvement,
        message=command.message,
        achievement=command.achievement,
    )
    return [reached]


def end(command: EndSession, session: LiveSession) -> Sequence[LiveSessionEvent]:
    _check_active(session)
    return [_ending(command, session, command.summary_available)]


def _ending(command: EndSession | EndIfEmpty, session: LiveSession, summary_available: bool) -> SessionEnding:
    assert session.started_at is not None
    return SessionEnding(
        **_fields(command),
        number=session.number + 1,
        duration=max(0.0, (command.at - session.started_at).total_seconds()),
        summary_available=summary_available,
    )


def end_if_empty(command: EndIfEmpty, session: LiveSession) -> Sequence[LiveSessionEvent]:
    if session.phase is not SessionPhase.ACTIVE or session.connections or session.empty != command.empty:
        return []
    return [_ending(command, session, summary_available=False), *_ended(command, session)]


def close(command: CloseSession, session: LiveSession) -> Sequence[LiveSessionEvent]:
    return _ended(command, session) if session.phase is SessionPhase.ENDING else []


def _ended(command: EndIfEmpty | CloseSession, session: LiveSession) -> list[LiveSessionEvent]:
    ended = SessionEnded(
        **_fields(command),
        present=tuple(sorted(session.present)),
        joined=len(session.joined),
        connections=tuple(sorted(session.connections)),
    )
    return [ended]

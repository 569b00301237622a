"""A live session: who is connected, and everything that was broadcast, in order.

The key is tenant and session. The state holds marks of clients and ids of connections, no names and no readings: what
participants report is their own (`participation`). A session starts with the first join, and an ended one is final.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Instant, Personal


class Role(StrEnum):
    """The roles of connections. Only participants count, and are announced."""

    PARTICIPANT = "participant"
    INSTRUCTOR = "instructor"
    OBSERVER = "observer"
    ADMIN = "admin"


class OfSession(Event):
    session: str
    tenant: str
    session_id: str


class _Numbered(OfSession):
    """An event that is broadcast. `number` is its place in the session, from 1."""

    number: int


class SessionStarted(_Numbered, name="content_generator.live_session.started.v1"):
    pass


class SessionDescribed(OfSession, name="content_generator.live_session.described.v1", subject="mark"):
    """The instructor's words on the session."""

    mark: str
    title: str
    instructor: Personal[str]


class ParticipantJoined(_Numbered, name="content_generator.live_session.participant_joined.v1", subject="mark"):
    """A participant is in. `count` is the number of participants with this one; `first`: never was in before."""

    mark: str
    client_id: Personal[str]
    participant_name: Personal[str]
    count: int
    first: bool


class ParticipantLeft(OfSession, name="content_generator.live_session.participant_left.v1", subject="mark"):
    """The last connection of a participant has closed."""

    mark: str
    count: int


class ConnectionOpened(OfSession, name="content_generator.live_session.connection_opened.v1", subject="mark"):
    """A connection of a node. `position` is the number of the last broadcast before it, `count` the participants.

    `refills`: the session was empty for the time that this number counts.
    """

    mark: str
    connection_id: str
    node: str
    role: Role
    position: int
    count: int
    refills: int | None


class ConnectionClosed(OfSession, name="content_generator.live_session.connection_closed.v1", subject="mark"):
    """A connection has closed. `empty` counts how often no connection was left, where this one was the last."""

    mark: str
    connection_id: str
    empty: int | None


class TechniqueChanged(_Numbered, name="content_generator.live_session.technique_changed.v1"):
    title: str
    instruction: str
    duration: float | None


class MilestoneReached(_Numbered, name="content_generator.live_session.hrv_milestone_reached.v1"):
    improvement: float
    message: str
    achievement: str


class AnnouncementBroadcast(_Numbered, name="content_generator.live_session.announcement_broadcast.v1"):
    """An announcement. `connections` and `participants` were there at that moment."""

    announcement_id: str
    type: str
    title: str
    message: str
    action_url: str | None
    connections: int
    participants: int


class SessionEnding(_Numbered, name="content_generator.live_session.ending.v1"):
    """The session ends in a moment; nobody joins any more. `duration` is in seconds since the start."""

    duration: float
    summary_available: bool


class SessionEnded(OfSession, name="content_generator.live_session.ended.v1"):
    """The session is over. `present` are the participants who were in at the end, `joined` counts all who ever were.

    `connections` are those that were open: the end closes them, without an event of each.
    """

    present: tuple[str, ...]
    joined: int
    connections: tuple[str, ...] = ()


LiveSessionEvent = (
    SessionStarted
    | SessionDescribed
    | ParticipantJoined
    | ParticipantLeft
    | ConnectionOpened
    | ConnectionClosed
    | TechniqueChanged
    | MilestoneReached
    | AnnouncementBroadcast
    | SessionEnding
    | SessionEnded
)


class SessionPhase(StrEnum):
    ABSENT = "absent"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class Connection(BaseModel):
    """An open connection."""

    model_config = ConfigDict(frozen=True)

    mark: str
    role: Role


class LiveSession(BaseModel):
    """The state of a session. `number` is that of the last broadcast, `empty` counts the times without a connection."""

    model_config = ConfigDict(frozen=True)

    phase: SessionPhase = SessionPhase.ABSENT
    tenant: str = ""
    session_id: str = ""
    started_at: Instant | None = None
    number: int = 0
    empty: int = 0
    connections: dict[str, Connection] = {}
    joined: frozenset[str] = frozenset()
    waiting: bool = False

    @property
    def present(self) -> frozenset[str]:
        """The marks of the participants with an open connection."""
        return frozenset(one.mark for one in self.connections.values() if one.role is Role.PARTICIPANT)


def evolve(session: LiveSession, event: LiveSessionEvent) -> LiveSession:
    match event:
        case SessionStarted():
            about = {"tenant": event.tenant, "session_id": event.session_id, "started_at": event.at}
            return session.model_copy(update={"phase": SessionPhase.ACTIVE, "number": event.number} | about)
        case SessionDescribed() | ParticipantLeft():
            return session
        case ParticipantJoined():
            return session.model_copy(update={"number": event.number, "joined": session.joined | {event.mark}})
        case ConnectionOpened():
            opened = session.connections | {event.connection_id: Connection(mark=event.mark, role=event.role)}
            return session.model_copy(update={"connections": opened, "waiting": False})
        case ConnectionClosed():
            left = {id_: one for id_, one in session.connections.items() if id_ != event.connection_id}
            empty = session.empty if event.empty is None else event.empty
            return session.model_copy(update={"connections": left, "empty": empty, "waiting": event.empty is not None})
        case TechniqueChanged() | MilestoneReached() | AnnouncementBroadcast():
            return session.model_copy(update={"number": event.number})
        case SessionEnding():
            return session.model_copy(update={"phase": SessionPhase.ENDING, "number": event.number})
        case SessionEnded():
            return session.model_copy(update={"phase": SessionPhase.ENDED, "connections": {}})
        case _:
            assert_never(event)

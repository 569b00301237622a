"""Announcements to live sessions."""

from __future__ import annotations

from collections.abc import Sequence

from commands.content_generator.live_session import OfSession
from domain.content_generator.announcement import Announcement, AnnouncementMade, Words
from domain.content_generator.live_session import AnnouncementBroadcast, LiveSession, SessionPhase
from domain.messages import Command


class MakeAnnouncement(Command, name="content_generator.announcement.make.v1", key="announcement_id"):
    """Announce something to these sessions; the edge looks which ones run."""

    announcement_id: str
    tenant: str
    words: Words
    sessions: tuple[str, ...]
    made_by: str


class BroadcastAnnouncement(OfSession, name="content_generator.live_session.broadcast_announcement.v1", key="session"):
    """Bring an announcement to one session; one that does not run, or has no connection, is left out."""

    announcement_id: str
    words: Words


def make(command: MakeAnnouncement, announcement: Announcement) -> Sequence[AnnouncementMade]:
    if announcement.made:
        return []
    sessions = tuple(dict.fromkeys(command.sessions))
    return [AnnouncementMade(**{**command.model_dump(), "words": command.words, "sessions": sessions})]


def broadcast(command: BroadcastAnnouncement, session: LiveSession) -> Sequence[AnnouncementBroadcast]:
    if session.phase is not SessionPhase.ACTIVE or not session.connections:
        return []
    return [
        AnnouncementBroadcast(
            at=command.at,
            session=command.session,
            tenant=command.tenant,
            session_id=command.session_id,
            number=session.number + 1,
            announcement_id=command.announcement_id,
            type=command.words.type,
            title=command.words.title,
            message=command.words.message,
            action_url=command.words.action_url,
            connections=len(session.connections),
            participants=len(session.present),
        )
    ]

"""The reactions to live sessions: their ends by time, and announcements."""

from __future__ import annotations

from collections.abc import Iterator

from commands.content_generator.announcement import BroadcastAnnouncement
from commands.content_generator.live_session import EMPTY_FOR, ENDING_FOR, CloseSession, EndIfEmpty
from domain.content_generator.announcement import AnnouncementMade
from domain.content_generator.live_session import ConnectionClosed, ConnectionOpened, SessionEnding
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Later, Reaction, Withdraw


def react_to_session(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case ConnectionClosed(empty=int(empty)) as closed:
            end = EndIfEmpty(
                at=closed.at, session=closed.session, tenant=closed.tenant, session_id=closed.session_id, empty=empty
            )
            yield Later(closed.at + EMPTY_FOR, end, _empty(closed.session, empty))
        case ConnectionOpened(refills=int(empty)) as opened:
            yield Withdraw(_empty(opened.session, empty))
        case SessionEnding() as ending:
            close = CloseSession(
                at=ending.at, session=ending.session, tenant=ending.tenant, session_id=ending.session_id
            )
            yield Later(ending.at + ENDING_FOR, close)
        case AnnouncementMade() as made:
            for session_id in made.sessions:
                yield Later(made.at, _broadcast(made, session_id))


def _empty(session: str, times: int) -> str:
    return f"{session}/empty/{times}"


def _broadcast(made: AnnouncementMade, session_id: str) -> BroadcastAnnouncement:
    return BroadcastAnnouncement(
        at=made.at,
        session=f"{made.tenant}/{session_id}",
        tenant=made.tenant,
        session_id=session_id,
        announcement_id=made.announcement_id,
        words=made.words,
    )

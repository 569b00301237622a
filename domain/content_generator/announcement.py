"""An announcement to live sessions: the sessions that one request meant, so that a repeat says the same."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class Words(BaseModel):
    """The words of an announcement. `type` is free, as `session_starting`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    title: str
    message: str
    action_url: str | None = None


class AnnouncementMade(Event, name="content_generator.announcement.made.v1"):
    """`sessions` are the ids of the sessions that ran."""

    announcement_id: str
    tenant: str
    words: Words
    sessions: tuple[str, ...]
    made_by: str


class Announcement(BaseModel):
    """The state of an announcement."""

    model_config = ConfigDict(frozen=True)

    made: bool = False


def evolve(_announcement: Announcement, _event: AnnouncementMade) -> Announcement:
    return Announcement(made=True)

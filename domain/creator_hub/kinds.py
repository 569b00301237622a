"""Kinds that several aggregates of this context share, and the ids that derive from others."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID, uuid5

from domain.messages import Event

IDS = UUID("7c1f3f1e-6c38-5a3a-9d55-0d2b8f7a4e11")
"""The namespace of derived ids."""


class ChannelType(StrEnum):
    WEB = "web"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    MOBILE = "mobile"


HELD_HERE = frozenset({ChannelType.WEB, ChannelType.MOBILE})
"""Channels whose messages are fetched from us: what is recorded has arrived."""


class OfCreator(Event):
    """An event of one creator. Stream ids begin with the creator's, so that a foreign id opens an empty stream."""

    creator_id: str


class OfMember(OfCreator, subject="user_id"):
    """An event about one member, the document's user."""

    user_id: str


def derived_id(*parts: object) -> str:
    """The id that follows from others: equal parts give equal ids."""
    return str(uuid5(IDS, "/".join(str(part) for part in parts)))

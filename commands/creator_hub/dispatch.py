"""The queueing of messages to members: whether one may go out, by which template, and in how many parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict

from domain.calls.chat import LONGEST_TEXT
from domain.creator_hub.channel import Channel, Template
from domain.creator_hub.kinds import HELD_HERE, ChannelType
from domain.creator_hub.member import Member
from domain.creator_hub.message import Cause, MessageEvent, MessageQueued, MessageSent
from domain.social.message_parts import message_parts

WINDOW = timedelta(hours=24)
"""How long after a member's last message WhatsApp takes free messages."""

OUTSIDE_WINDOW, OPTED_OUT, BLOCKED = "outside_window", "opted_out", "blocked"


class Outgoing(NamedTuple):
    """A message that is to be queued."""

    at: datetime
    creator_id: str
    user_id: str
    message_id: str
    text: str
    cause: Cause
    template: Template | None = None


class AboutMessage(TypedDict):
    """The fields that every event of a message has."""

    at: datetime
    creator_id: str
    user_id: str
    message_id: str
    channel_id: str
    channel_type: ChannelType
    cause: Cause


def refusal(member: Member) -> str | None:
    """Why nothing may go out that the member has not asked for; None if it may."""
    if member.opted_out:
        return OPTED_OUT
    return BLOCKED if member.blocked else None


def window_is_open(member: Member, at: datetime) -> bool:
    """Whether a free message may go out now on the channel that the member last wrote on."""
    if member.channel_type is not ChannelType.WHATSAPP:
        return True
    last = member.last_active_at
    return member.window_open and last is not None and at - last < WINDOW


def template_needed(member: Member, channel: Channel, at: datetime) -> Template | str | None:
    """The template that a message has to go out by now, OUTSIDE_WINDOW where there is none; None inside the window."""
    if window_is_open(member, at):
        return None
    return channel.template or OUTSIDE_WINDOW


def queued(outgoing: Outgoing, member: Member) -> Iterator[MessageEvent]:
    """The message on the channel that the member last wrote on. On a channel of our own it has arrived by that."""
    common = AboutMessage(
        at=outgoing.at,
        creator_id=outgoing.creator_id,
        user_id=outgoing.user_id,
        message_id=outgoing.message_id,
        channel_id=member.channel_id,
        channel_type=member.channel_type,
        cause=outgoing.cause,
    )
    parts = 1 if outgoing.template else max(1, len(message_parts(outgoing.text, LONGEST_TEXT)))
    yield MessageQueued(**common, to=member.address, text=outgoing.text, parts=parts, template=outgoing.template)
    if member.channel_type in HELD_HERE:
        yield MessageSent(**common, provider_id=outgoing.message_id, ai=outgoing.cause.ai)

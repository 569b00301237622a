"""Members: what they write, what is answered by a model, their profiles, and escalations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from pydantic import JsonValue

from commands.creator_hub.channel import UnknownChannel
from commands.creator_hub.replies import Asking, replies_to
from domain.creator_hub.account import Account
from domain.creator_hub.allowance import Allowance, AllowanceSpent
from domain.creator_hub.channel import Channel
from domain.creator_hub.engagement import decayed
from domain.creator_hub.member import (
    SUCCESS_WITHIN,
    Escalated,
    EscalationReason,
    EscalationResolved,
    Member,
    MemberEvent,
    MemberRegistered,
    MessageReceived,
    OptedIn,
    OptedOut,
    OptOutSource,
    ProfileUpdated,
    ResolvedBy,
    evolve,
)
from domain.creator_hub.program import Catalogue
from domain.creator_hub.reply import Unanswered
from domain.creator_hub.trigger import EngagementSucceeded
from domain.creator_hub.words import asks_for_person, rating_in
from domain.keywords import Keyword, keyword_in
from domain.messages import Command, Instant, Personal, Refused
from domain.time_zones import zone_of

LONGEST_CLIP = timedelta(days=7)
"""How far back a provider's time is believed."""


class UnknownMember(Refused, name="creator_hub.unknown_member"):
    """The creator has no member of this id. 404."""


class ChannelNotActive(Refused, name="creator_hub.channel_not_active"):
    """The channel takes no messages: it is not verified, or its credentials were refused. 403."""


class UnknownTimeZone(Refused, name="creator_hub.unknown_time_zone"):
    """There is no time zone of this name. 422."""


class OfMember(Command, subject="user_id"):
    creator_id: str
    user_id: str


class ReceiveMessage(OfMember, name="creator_hub.member.receive_message.v1", key="creator_id"):
    """Take in a message from a channel. The command's id derives from the channel's and the provider's id of it.

    `content` is `text`, or the provider's word for what is none; `said_at` is the provider's time. `language` is None
    where the provider does not say. `model`: there is a language model that could answer.
    """

    channel_id: str
    message_id: str
    provider_id: str
    address: Personal[str]
    member_name: Personal[str]
    content: str
    text: Personal[str]
    language: str | None
    said_at: Instant
    model: bool


class UpdateProfile(OfMember, name="creator_hub.member.update_profile.v1", key="creator_id"):
    """Merge the first-level keys of `patch` into the profile, where null removes; None for what stays."""

    patch: Personal[dict[str, JsonValue]]
    time_zone: str | None
    language: str | None


class ResolveEscalation(OfMember, name="creator_hub.member.resolve_escalation.v1", key="creator_id"):
    """End an escalation: the open one, or the one of this number if it is still open."""

    number: int | None
    by: ResolvedBy


class _Fields(TypedDict):
    at: datetime
    creator_id: str
    user_id: str


def _fields(command: OfMember) -> _Fields:
    return {"at": command.at, "creator_id": command.creator_id, "user_id": command.user_id}


def receive(
    command: ReceiveMessage,
    member: Member,
    channel: Channel,
    catalogue: Catalogue,
    account: Account,
    allowance: Allowance,
) -> Sequence[MemberEvent | AllowanceSpent]:
    if channel.status is None:
        raise UnknownChannel("there is no such channel")
    if not channel.is_active:
        raise ChannelNotActive("this channel takes no messages yet")
    facts = [*_registered(command, member, channel, catalogue), _received(command, member, channel)]
    facts += [*_succeeded(command, member), *_wishes(command, member, channel)]
    after = member
    for fact in facts:
        after = evolve(after, fact)
    return [*facts, *_reply(command, member, after, channel, Asking(account, allowance))]


def _registered(
    command: ReceiveMessage, member: Member, channel: Channel, catalogue: Catalogue
) -> Iterator[MemberEvent]:
    if not member.registered:
        yield MemberRegistered(
            **_fields(command),
            channel_id=command.channel_id,
            channel_type=channel.channel_type,
            address=command.address,
            member_name=command.member_name,
            language=command.language or "en",
            programs=catalogue.program_ids,
        )


def _received(command: ReceiveMessage, member: Member, channel: Channel) -> MessageReceived:
    said_at = min(max(command.said_at, command.at - LONGEST_CLIP), command.at)
    return MessageReceived(
        **_fields(command),
        message_id=command.message_id,
        channel_id=command.channel_id,
        channel_type=channel.channel_type,
        provider_id=command.provider_id,
        content=command.content,
        text=command.text,
        rating=_rating(command, member),
        activity=decayed(member.activity, member.last_active_at, command.at) + 1.0,
        awaited_by=member.awaiting,
        first_on_channel=command.channel_id not in member.channels,
        said_at=said_at,
    )


def _rating(command: ReceiveMessage, member: Member) -> int | None:
    asked = any(one.rating for one in member.awaiting)
    return rating_in(command.text or "", numbers=asked)


def _succeeded(command: ReceiveMessage, member: Member) -> Iterator[MemberEvent]:
    """Every rule's trigger of the last 24 hours has brought this message."""
    for trigger in member.triggers:
        between = command.at - trigger.at
        if between <= SUCCESS_WITHIN:
            yield EngagementSucceeded(
                **_fields(command),
                rule_id=trigger.rule_id,
                trigger_id=trigger.trigger_id,
                triggered_at=trigger.at,
                seconds=between.total_seconds(),
            )


def _wishes(command: ReceiveMessage, member: Member, channel: Channel) -> Iterator[MemberEvent]:
    """What the words themselves ask for: no more messages, messages again, a person."""
    keyword = keyword_in(command.text or "")
    if keyword is Keyword.STOP:
        yield OptedOut(**_fields(command), source=OptOutSource.WORD, message_id=command.message_id)
    elif keyword is Keyword.START and member.opted_out:
        yield OptedIn(**_fields(command), message_id=command.message_id)
    if not member.escalated and asks_for_person(command.text or ""):
        yield Escalated(
            **_fields(command),
            number=member.escalation + 1,
            channel_type=channel.channel_type,
            reason=EscalationReason.WORDS,
            message_id=command.message_id,
        )


def _reply(
    command: ReceiveMessage, before: Member, after: Member, channel: Channel, asking: Asking
) -> Iterator[MemberEvent | AllowanceSpent]:
    """What comes while a reply is open is answered by the next one, unless it is no question at all."""
    answers_rating = any(one.rating for one in before.awaiting) and _rating(command, before) is not None
    if before.open_reply is not None and command.text and not answers_rating:
        return
    message = Unanswered(message_id=command.message_id, text=command.text or "", at=command.at)
    stopped = keyword_in(command.text or "") is Keyword.STOP
    yield from replies_to(
        [message],
        after,
        channel,
        asking.about(command.at, command.creator_id, command.user_id, command.channel_id),
        model=command.model,
        stopped=stopped,
        answers_step=answers_rating,
    )


def update_profile(command: UpdateProfile, member: Member) -> Sequence[MemberEvent]:
    if not member.registered:
        raise UnknownMember("there is no such user")
    zone, language = command.time_zone or member.time_zone, command.language or member.language
    _check_zone(zone)
    both: dict[str, JsonValue] = member.profile | (command.patch or {})
    profile: dict[str, JsonValue] = {key: value for key, value in both.items() if value is not None}
    if (profile, zone, language) == (member.profile, member.time_zone, member.language):
        return []
    return [
        ProfileUpdated(
            **_fields(command), channel_type=member.channel_type, profile=profile, time_zone=zone, language=language
        )
    ]


def _check_zone(name: str) -> None:
    try:
        zone_of(name)
    except ValueError as error:
        raise UnknownTimeZone(str(error)) from None


def resolve_escalation(command: ResolveEscalation, member: Member) -> Sequence[MemberEvent]:
    if not member.registered:
        raise UnknownMember("there is no such user")
    if not member.escalated or command.number not in (None, member.escalation):
        return []
    return [EscalationResolved(**_fields(command), number=member.escalation, by=command.by)]

"""The reactions to channels and messages: the provider is told where to call, and each part goes out."""

from __future__ import annotations

from collections.abc import Iterator

from commands.creator_hub.channel import RecordNumber, RecordWebhookSet, RefuseCredentials
from commands.creator_hub.effects import SendToMember, SetWebhook
from commands.creator_hub.message import RecordSend, ResumeMessage
from domain.calls.chat import ChatChannel, FindChatSender
from domain.creator_hub.channel import ChannelCreated, ChannelUpdated
from domain.creator_hub.kinds import HELD_HERE, ChannelType
from domain.creator_hub.message import (
    MessageFailed,
    MessagePutOff,
    MessageQueued,
    MessageResumed,
    Outgoing,
    PartSent,
)
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction

ACCESS_KEY = "access_token"
"""The key of the credentials that the provider's questions need."""


def react_to_channel(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case ChannelCreated(sets_webhook=True) | ChannelUpdated(sets_webhook=True) as configured:
            yield _webhook(configured)
        case ChannelCreated() | ChannelUpdated() as configured:
            yield from _number(configured)


def _webhook(event: ChannelCreated | ChannelUpdated) -> Call:
    assert event.vault is not None
    effect = SetWebhook(
        creator_id=event.creator_id, channel_id=event.channel_id, channel_type=event.channel_type, vault=event.vault
    )
    about = event.model_dump(include={"at", "creator_id", "channel_id", "vault"})
    return Call(effect, RecordWebhookSet(**about))


def _number(event: ChannelCreated | ChannelUpdated) -> Iterator[Reaction]:
    """The provider is asked for the number's id where neither the configuration nor a call has told it."""
    account, number = (event.configuration.get(key) for key in ("business_account_id", "phone_number"))
    asked = event.channel_type is ChannelType.WHATSAPP and ACCESS_KEY in event.credentials
    if not asked or event.vault is None or not isinstance(account, str) or "phone_number_id" in event.configuration:
        return
    effect = FindChatSender(
        channel=ChatChannel.WHATSAPP,
        vault=event.vault,
        account=account,
        number=number if isinstance(number, str) else None,
    )
    about = event.model_dump(include={"at", "creator_id", "channel_id"})
    yield Call(effect, RecordNumber(**about))


def react_to_message(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case MessageQueued() as queued if queued.channel_type not in HELD_HERE:
            yield _part(queued, 1, 1)
        case PartSent() as sent:
            yield _part(sent, sent.part + 1, 1)
        case MessageResumed() as resumed:
            yield _part(resumed, resumed.part, resumed.round)
        case MessagePutOff() as put_off:
            about = put_off.model_dump(include={"at", "creator_id", "user_id", "message_id"})
            yield Later(put_off.resume_at, ResumeMessage(**about, round=put_off.round + 1))
        case MessageFailed(vault=vault) as failed if vault is not None:
            about = failed.model_dump(include={"at", "creator_id", "channel_id"})
            yield Later(failed.at, RefuseCredentials(**about, vault=vault))


def _part(event: Outgoing, part: int, round_: int) -> Call:
    about = {"creator_id", "user_id", "channel_id", "channel_type", "message_id", "to", "text", "template"}
    effect = SendToMember(**event.model_dump(include=about), part=part)
    reply = event.model_dump(include={"at", "creator_id", "user_id", "message_id"})
    return Call(effect, RecordSend(**reply, part=part, round=round_))

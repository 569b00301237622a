"""The reactions to channels and messages: the provider is told where to call, and each part goes out."""

from __future__ import annotations

from collections.abc import Iterator

from commands.creator_hub.channel import RecordWebhookSet, RefuseCredentials
from commands.creator_hub.effects import SendToMember, SetWebhook
from commands.creator_hub.message import RecordSend, ResumeMessage
from domain.creator_hub.channel import ChannelCreated, ChannelUpdated
from domain.creator_hub.kinds import HELD_HERE
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


def react_to_channel(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case ChannelCreated(sets_webhook=True) | ChannelUpdated(sets_webhook=True) as configured:
            yield _webhook(configured)


def _webhook(event: ChannelCreated | ChannelUpdated) -> Call:
    assert event.vault is not None
    effect = SetWebhook(
        creator_id=event.creator_id, channel_id=event.channel_id, channel_type=event.channel_type, vault=event.vault
    )
    about = event.model_dump(include={"at", "creator_id", "channel_id", "vault"})
    return Call(effect, RecordWebhookSet(**about))


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

"""The reactions to members: replies by a model, escalations that end by time, and what is told by webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from commands.creator_hub.effects import AnswerMember
from commands.creator_hub.member import ResolveEscalation
from commands.creator_hub.notifications import (
    escalation_webhook,
    message_webhook,
    profile_webhook,
    registration_webhook,
)
from commands.creator_hub.replies import RecordReply
from domain.creator_hub.member import Escalated, MemberRegistered, MessageReceived, ProfileUpdated, ResolvedBy
from domain.creator_hub.reply import ReplyRequested
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction

ESCALATED_FOR = timedelta(hours=24)
"""How long an escalation pauses replies by a model, unless it is resolved."""


def react_to_member(event: Recorded[Event]) -> Iterator[Reaction]:
    webhook_id = str(event.record.event_id)
    match event.fact:
        case MemberRegistered() as registered:
            yield Later(registered.at, registration_webhook(registered, webhook_id))
        case ProfileUpdated() as updated:
            yield Later(updated.at, profile_webhook(updated, webhook_id))
        case MessageReceived() as received:
            yield Later(received.at, message_webhook(received, webhook_id))
        case Escalated() as escalated:
            yield Later(escalated.at, escalation_webhook(escalated, webhook_id))
            yield Later(escalated.at + ESCALATED_FOR, _end(escalated))
        case ReplyRequested() as requested:
            yield Call(_effect(requested), _reply(requested))


def _end(escalated: Escalated) -> ResolveEscalation:
    about = escalated.model_dump(include={"at", "creator_id", "user_id", "number"})
    return ResolveEscalation(**about, by=ResolvedBy.TIME)


def _effect(requested: ReplyRequested) -> AnswerMember:
    return AnswerMember(**requested.model_dump(exclude={"at", "asked_at"}))


def _reply(requested: ReplyRequested) -> RecordReply:
    about = {"at", "creator_id", "user_id", "channel_id", "reply_id", "cause", "asked_at"}
    return RecordReply(**requested.model_dump(include=about))

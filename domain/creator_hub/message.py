"""A message to a member: queued, handed to the channel's provider part by part, and what became of it.

Its id follows from its cause, so that nothing is queued twice. Without an answer of the provider a part is unconfirmed
and never sent again by itself; a report may still settle it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.channel import Template
from domain.creator_hub.kinds import ChannelType, OfMember
from domain.messages import Instant, Personal, Remark


class CauseKind(StrEnum):
    STEP = "step"
    REPLY = "reply"
    RULE = "rule"


class Cause(BaseModel):
    """Why a message is sent: a step `n` of a program, a reply to the member, or an action of a rule's trigger.

    `ai`: a model wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: CauseKind
    ai: bool = False
    program_id: str | None = None
    flow_id: str | None = None
    n: int | None = None
    reply_id: str | None = None
    answered_at: Instant | None = None
    """When the message came that a reply answers: the first of them."""
    rule_id: str | None = None
    trigger_id: str | None = None
    action: int | None = None


class OfMessage(OfMember):
    message_id: str
    channel_id: str
    channel_type: ChannelType
    cause: Cause


class _Content(OfMessage):
    """What goes out. `parts` counts the texts of a long message. With a template the provider has the words."""

    to: Personal[str]
    text: Personal[str]
    parts: int
    template: Template | None


class MessageQueued(_Content, name="creator_hub.message.queued.v1"):
    """The message is to be sent, or, on a channel of our own, is there to be fetched."""


class PartSent(_Content, name="creator_hub.message.part_sent.v1"):
    """A part, which counts from 1, was accepted by the provider; the next one follows."""

    part: int
    provider_id: str


class MessagePutOff(OfMessage, name="creator_hub.message.put_off.v1"):
    """A round of calls was worn out; the next one begins at `resume_at`."""

    part: int
    round: int
    code: str
    resume_at: Instant


class MessageResumed(_Content, name="creator_hub.message.resumed.v1"):
    part: int
    round: int


class MessageSent(OfMessage, name="creator_hub.message.sent.v1"):
    """The provider has accepted every part. `provider_id` is its id of the last one."""

    provider_id: str
    ai: bool


class MessageUnconfirmed(OfMessage, name="creator_hub.message.unconfirmed.v1"):
    """A part had no answer: the message may have arrived."""

    part: int
    reason: Remark


class MessageFailed(OfMessage, name="creator_hub.message.failed.v1"):
    """`vault` names the credentials that were refused; None for another reason."""

    code: str
    vault: str | None
    reason: Remark


class MessageDelivered(OfMessage, name="creator_hub.message.delivered.v1"):
    """The provider's report. `confirms`: it settles a message that was unconfirmed."""

    confirms: bool


class MessageRead(OfMessage, name="creator_hub.message.read.v1"):
    confirms: bool


Outgoing = MessageQueued | PartSent | MessageResumed
"""The events that a part goes out after."""

MessageEvent = (
    MessageQueued
    | PartSent
    | MessagePutOff
    | MessageResumed
    | MessageSent
    | MessageUnconfirmed
    | MessageFailed
    | MessageDelivered
    | MessageRead
)


class MessagePhase(StrEnum):
    ABSENT = "absent"
    SENDING = "sending"
    PUT_OFF = "put_off"
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"


class Message(BaseModel):
    """The state. `part` is the one that is to be sent, from 1; `round` counts its rounds of calls."""

    model_config = ConfigDict(frozen=True)

    phase: MessagePhase = MessagePhase.ABSENT
    queued: MessageQueued | None = None
    part: int = 1
    round: int = 1
    worn_out: int = 0


def evolve(message: Message, event: MessageEvent) -> Message:
    match event:
        case MessageQueued():
            return Message(phase=MessagePhase.SENDING, queued=event)
        case PartSent():
            return message.model_copy(update={"part": event.part + 1, "worn_out": 0})
        case MessagePutOff():
            return message.model_copy(update={"phase": MessagePhase.PUT_OFF, "worn_out": message.worn_out + 1})
        case MessageResumed():
            return message.model_copy(update={"phase": MessagePhase.SENDING, "round": event.round})
        case MessageSent():
            return message.model_copy(update={"phase": MessagePhase.SENT})
        case MessageUnconfirmed():
            return message.model_copy(update={"phase": MessagePhase.UNCONFIRMED})
        case MessageFailed():
            return message.model_copy(update={"phase": MessagePhase.FAILED})
        case MessageDelivered():
            return message.model_copy(update={"phase": MessagePhase.DELIVERED})
        case MessageRead():
            return message.model_copy(update={"phase": MessagePhase.READ})
        case _:
            assert_never(event)

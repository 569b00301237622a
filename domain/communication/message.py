"""A message to one recipient: asked for, perhaps held, dispatched on one channel or two, then what the providers say.

What a task's status means (the document's Celery states):

- PENDING: asked for, waiting for its time: the scheduled one, or the end of a hold.
- STARTED: handed to a provider that has not answered yet.
- RETRY: a provider put it off for a clear, passing reason; it is tried again by itself.
- SUCCESS: a provider accepted it, on at least one channel. `delivered` stays false until a receipt says so; the
  sandbox delivers as it accepts.
- FAILURE: no channel is left on which it could still arrive: refused for good, reported undelivered, or unconfirmed
  (it may have gone out, and is never sent again by itself; a later receipt settles it).
- REVOKED: called off before it went out: cancelled, or stopped by a rule at the moment of sending.

With two channels the best one speaks for the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.budget import Limits
from domain.communication.decision import Decision
from domain.communication.kinds import Channel, Priority, TriggerType, Wish
from domain.messages import Event, Moment, Personal
from domain.money import Microcents


class Part(StrEnum):
    """How far a message has come on one channel, in the order of certainty: only later ones replace others."""

    STARTED = "started"
    RETRYING = "retrying"
    UNCONFIRMED = "unconfirmed"
    REJECTED = "rejected"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"

    @property
    def certainty(self) -> int:
        return _ORDER[self]


_ORDER = {part: number for number, part in enumerate(Part)}


class Status(StrEnum):
    """The state of the task, as the API shows it."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"


class MessageRequested(Event, name="communication.message.requested.v1", subject="user_id"):
    """Asked for. `channels` and `fallback` are the plan, decided again when it is sent; `cost` is the plan's.

    `due_at` equals `at` for a message to be sent now. `segments` are those of its text message. `decision` is there
    when it waits for a later time; otherwise it stands in the event that follows.
    """

    message_id: UUID
    user_id: int
    trigger_type: TriggerType
    priority: Priority
    wish: Wish
    channels: tuple[Channel, ...]
    fallback: bool
    due_at: Moment
    data: Personal[dict[str, Any]]
    segments: int
    cost: Microcents
    limits: Limits
    batch_id: UUID | None = None
    decision: Decision | None = None


class MessageHeld(Event, name="communication.message.held.v1"):
    """Not now: decided again at `until`."""

    message_id: UUID
    user_id: int
    until: Moment
    decision: Decision
    cost: Microcents
    limits: Limits
    reserved: Microcents = 0
    day: date


class MessageDispatched(Event, name="communication.message.dispatched.v1", subject="user_id"):
    """Every rule allowed it at this moment; from here on the message may be out, on this channel.

    `template` names the text with its version. `day` is the UTC day it counts for; `reserved` is what the budget had
    set aside for the whole message, noted on its first dispatch.
    """

    message_id: UUID
    user_id: int
    channel: Channel
    fallback: bool
    trigger_type: TriggerType
    priority: Priority
    to: Personal[str]
    data: Personal[dict[str, Any]]
    template: str
    segments: int
    cost: Microcents
    day: date
    limits: Limits
    reserved: Microcents = 0
    decision: Decision


class MessageBlocked(Event, name="communication.message.blocked.v1"):
    """A rule stopped it at the moment of sending; nothing went out."""

    message_id: UUID
    user_id: int
    reason: str
    decision: Decision
    reserved: Microcents = 0
    day: date


class MessageCancelled(Event, name="communication.message.cancelled.v1"):
    message_id: UUID
    user_id: int


class ReservationReturned(Event, name="communication.message.reservation_returned.v1"):
    """The budget set money aside for a message that was called off in the meantime."""

    message_id: UUID
    user_id: int
    reserved: Microcents
    day: date


class DeliveryEvent(Event):
    """What is common to everything that happens to a dispatched message: where it counts, and how it stood before."""

    message_id: UUID
    user_id: int
    channel: Channel
    trigger_type: TriggerType
    day: date
    was: Part


class MessageSent(DeliveryEvent, name="communication.message.sent.v1"):
    """The provider accepted it."""

    provider: str
    provider_id: str | None
    attempt: int


class MessageRetried(DeliveryEvent, name="communication.message.retried.v1"):
    """The provider put it off; it is tried again at `retry_at`."""

    provider: str
    code: str | None
    reason: str
    attempt: int
    retry_at: Moment | None


class MessageUnconfirmed(DeliveryEvent, name="communication.message.unconfirmed.v1"):
    """It may have gone out: the provider did not answer."""

    provider: str
    reason: str
    attempt: int


class MessageRejected(DeliveryEvent, name="communication.message.rejected.v1"):
    """The provider refused it for good; nothing went out on this channel, and `refund` is not owed."""

    provider: str
    code: str | None
    reason: str
    attempt: int
    refund: Microcents


class MessageDelivered(DeliveryEvent, name="communication.message.delivered.v1"):
    """It arrived. `implied` when nobody said so but it was opened or clicked."""

    provider: str
    provider_id: str | None
    implied: bool = False


class MessageUndelivered(DeliveryEvent, name="communication.message.undelivered.v1"):
    """The provider had accepted it and then reported that it did not arrive."""

    provider: str
    provider_id: str | None
    code: str | None
    reason: str


class MessageOpened(DeliveryEvent, name="communication.message.opened.v1"):
    """Opened for the first time."""


class MessageClicked(DeliveryEvent, name="communication.message.clicked.v1"):
    """A link in it was followed for the first time."""


class ActionTaken(DeliveryEvent, name="communication.message.action_taken.v1"):
    """The recipient did what the message was about, for the first time. This is what "engaged" means in reports."""

    action: str


class ReceiptNoted(Event, name="communication.message.receipt_noted.v1"):
    """A provider's report that changed nothing: repeated, out of order, in between, or of a kind not known here."""

    message_id: UUID
    user_id: int
    channel: Channel
    provider: str
    provider_id: str | None
    kind: str


MessageEvent = (
    MessageRequested
    | MessageHeld
    | MessageDispatched
    | MessageBlocked
    | MessageCancelled
    | ReservationReturned
    | MessageSent
    | MessageRetried
    | MessageUnconfirmed
    | MessageRejected
    | MessageDelivered
    | MessageUndelivered
    | MessageOpened
    | MessageClicked
    | ActionTaken
    | ReceiptNoted
)


class Phase(StrEnum):
    ABSENT = "absent"
    WAITING = "waiting"
    REVOKED = "revoked"
    DISPATCHED = "dispatched"


UNKNOWN = "unknown"
"""The code of a try that may have gone out and is made again, because the provider recognises repeats."""


class Delivery(BaseModel):
    """The message on one channel, and the address it went `to`. `perhaps_out`: an earlier try may have gone out."""

    model_config = ConfigDict(frozen=True)

    part: Part
    day: date
    cost: Microcents
    to: str | None = None
    provider_id: str | None = None
    perhaps_out: bool = False
    opened: bool = False
    clicked: bool = False
    acted: bool = False


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: Phase = Phase.ABSENT
    requested: MessageRequested | None = None
    deliveries: dict[Channel, Delivery] = {}

    @property
    def status(self) -> Status:
        match self.phase:
            case Phase.DISPATCHED:
                return status_of({channel: delivery.part for channel, delivery in self.deliveries.items()})
            case Phase.REVOKED:
                return Status.REVOKED
            case Phase.WAITING | Phase.ABSENT:
                return Status.PENDING


_BEST_FIRST = (
    (Status.SUCCESS, {Part.SENT, Part.DELIVERED}),
    (Status.RETRY, {Part.RETRYING}),
    (Status.STARTED, {Part.STARTED}),
)


def status_of(parts: Mapping[Channel, Part]) -> Status:
    """The status of a dispatched message, from how far it has come on each of its channels."""
    found = set(parts.values())
    return next((status for status, any_of in _BEST_FIRST if found & any_of), Status.FAILURE)


def evolve(message: Message, event: MessageEvent) -> Message:
    """The message after the event."""
    match event:
        case MessageRequested():
            return Message(phase=Phase.WAITING, requested=event)
        case MessageHeld() | ReservationReturned() | ReceiptNoted():
            return message
        case MessageBlocked() | MessageCancelled():
            return message.model_copy(update={"phase": Phase.REVOKED})
        case MessageDispatched():
            started = Delivery(part=Part.STARTED, day=event.day, cost=event.cost, to=event.to)
            deliveries = message.deliveries | {event.channel: started}
            return message.model_copy(update={"phase": Phase.DISPATCHED, "deliveries": deliveries})
        case DeliveryEvent():
            delivery = message.deliveries[event.channel].model_copy(update=_progress(event))
            return message.model_copy(update={"deliveries": message.deliveries | {event.channel: delivery}})
        case _:
            assert_never(event)


def _progress(event: DeliveryEvent) -> dict[str, Any]:
    match event:
        case MessageOpened():
            return {"opened": True}
        case MessageClicked():
            return {"clicked": True}
        case ActionTaken():
            return {"acted": True}
        case MessageRetried(code=code) if code == UNKNOWN:
            return {"part": Part.RETRYING, "perhaps_out": True}
        case MessageSent() | MessageDelivered() | MessageUndelivered():
            return {"part": PARTS[type(event)], "provider_id": event.provider_id}
    return {"part": PARTS[type(event)]}


PARTS: dict[type[DeliveryEvent], Part] = {
    MessageRetried: Part.RETRYING,
    MessageUnconfirmed: Part.UNCONFIRMED,
    MessageRejected: Part.REJECTED,
    MessageSent: Part.SENT,
    MessageUndelivered: Part.UNDELIVERED,
    MessageDelivered: Part.DELIVERED,
}
"""How far each event brings a message on its channel; those not listed leave that as it is."""

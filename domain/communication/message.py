"""A message to one recipient: requested, perhaps held, and dispatched on one channel or two.

The meaning of a task's status (the document's Celery states):

- PENDING: waiting for the scheduled time, or for the end of a hold.
- STARTED: handed to a provider that has not answered yet.
- RETRY: a provider deferred it for a clear, passing reason; the worker tries again.
- SUCCESS: a provider accepted it, on at least one channel. `delivered` stays false until a receipt says so; the
  sandbox delivers as it accepts.
- FAILURE: no channel is left on which it could still arrive: refused for good, reported undelivered, or unconfirmed
  (it may have gone out, and is never sent again by itself; a later receipt settles it).
- REVOKED: called off before it went out: cancelled, or stopped by a rule at the time of sending.

With two channels the better status counts.
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
from domain.communication.delivery import (
    AnyDeliveryEvent,
    Delivery,
    DeliveryEvent,
    DeliveryStatus,
    OfMessage,
    ReceiptNoted,
    evolve_delivery,
)
from domain.communication.kinds import Channel, Priority, TriggerType, Wish
from domain.messages import Instant, Personal
from domain.money import Microcents


class Status(StrEnum):
    """The state of the task, as the API shows it."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"


class MessageRequested(OfMessage, name="communication.message.requested.v1"):
    """A request. `channels` and `fallback` are the plan, decided again at the dispatch; `cost` is the plan's.

    `due_at` equals `at` for a message to send now. `segments` are those of its text message. `decision` is set for a
    message that waits for a later time; otherwise the next event holds it.
    """

    trigger_type: TriggerType
    priority: Priority
    wish: Wish
    channels: tuple[Channel, ...]
    fallback: bool
    due_at: Instant
    data: Personal[dict[str, Any]]
    segments: int
    cost: Microcents
    limits: Limits
    batch_id: UUID | None = None
    decision: Decision | None = None


class MessageHeld(OfMessage, name="communication.message.held.v1"):
    """The message is held, and decided again at `until`."""

    until: Instant
    decision: Decision
    cost: Microcents
    limits: Limits
    reserved: Microcents = 0
    day: date


class MessageDispatched(OfMessage, name="communication.message.dispatched.v1"):
    """Every rule allowed the message; from here on it may be out, on this channel.

    `template` names the text with its version. `day` is the UTC day it counts for. `reserved` is the reservation for
    the whole message, noted on its first dispatch.
    """

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


class MessageBlocked(OfMessage, name="communication.message.blocked.v1"):
    """A rule stopped the message at the time of sending; nothing went out."""

    reason: str
    decision: Decision
    reserved: Microcents = 0
    day: date


class MessageCancelled(OfMessage, name="communication.message.cancelled.v1"):
    """The message was called off before it went out."""


class ReservationReturned(OfMessage, name="communication.message.reservation_returned.v1"):
    """The return of a reservation for a message that was called off in the meantime."""

    reserved: Microcents
    day: date


MessageEvent = (
    MessageRequested
    | MessageHeld
    | MessageDispatched
    | MessageBlocked
    | MessageCancelled
    | ReservationReturned
    | AnyDeliveryEvent
    | ReceiptNoted
)


DecidedEvent = MessageRequested | MessageHeld | MessageDispatched | MessageBlocked
"""The events that hold a decision. For a message to send at once, the event after MessageRequested holds it."""


class MessagePhase(StrEnum):
    ABSENT = "absent"
    WAITING = "waiting"
    REVOKED = "revoked"
    DISPATCHED = "dispatched"


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: MessagePhase = MessagePhase.ABSENT
    requested: MessageRequested | None = None
    deliveries: dict[Channel, Delivery] = {}

    @property
    def status(self) -> Status:
        match self.phase:
            case MessagePhase.DISPATCHED:
                return status_of({channel: delivery.status for channel, delivery in self.deliveries.items()})
            case MessagePhase.REVOKED:
                return Status.REVOKED
            case MessagePhase.WAITING | MessagePhase.ABSENT:
                return Status.PENDING

    @property
    def may_have_arrived(self) -> bool:
        """Whether it has reached the recipient on some channel, or still may."""
        return any(delivery.status not in _NOT_REACHED for delivery in self.deliveries.values())


_NOT_REACHED = frozenset({DeliveryStatus.REJECTED, DeliveryStatus.UNDELIVERED})
_BEST_FIRST = (
    (Status.SUCCESS, {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}),
    (Status.RETRY, {DeliveryStatus.RETRYING}),
    (Status.STARTED, {DeliveryStatus.STARTED}),
)


def status_of(deliveries: Mapping[Channel, DeliveryStatus]) -> Status:
    """The status of a dispatched message, from the status of each delivery."""
    found = set(deliveries.values())
    return next((status for status, any_of in _BEST_FIRST if found & any_of), Status.FAILURE)


def evolve(message: Message, event: MessageEvent) -> Message:
    """The message after the event."""
    match event:
        case MessageRequested():
            return Message(phase=MessagePhase.WAITING, requested=event)
        case MessageHeld() | ReservationReturned() | ReceiptNoted():
            return message
        case MessageBlocked() | MessageCancelled():
            return message.model_copy(update={"phase": MessagePhase.REVOKED})
        case MessageDispatched():
            started = Delivery(status=DeliveryStatus.STARTED, day=event.day, cost=event.cost, to=event.to)
            deliveries = message.deliveries | {event.channel: started}
            return message.model_copy(update={"phase": MessagePhase.DISPATCHED, "deliveries": deliveries})
        case DeliveryEvent():
            delivery = evolve_delivery(message.deliveries[event.channel], event)
            return message.model_copy(update={"deliveries": message.deliveries | {event.channel: delivery}})
        case _:
            assert_never(event)

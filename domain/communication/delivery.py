"""The delivery of a message on one channel: its events and its state."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import Channel, TriggerType
from domain.messages import Event, Instant, Remark
from domain.money import Microcents


class DeliveryStatus(StrEnum):
    """The status of a delivery, in the order of certainty: only a later one replaces another."""

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


_ORDER = {status: number for number, status in enumerate(DeliveryStatus)}


class OfMessage(Event, subject="user_id"):
    """An event of one message, which it names with its recipient."""

    message_id: UUID
    user_id: int


class DeliveryEvent(OfMessage):
    """An event of a dispatched message on one channel. `day` is the UTC day it counts for, `was` the status before."""

    channel: Channel
    trigger_type: TriggerType
    day: date
    was: DeliveryStatus


class MessageSent(DeliveryEvent, name="communication.message.sent.v1"):
    """The provider accepted the message."""

    provider: str
    provider_id: str | None
    attempt: int


class MessageRetried(DeliveryEvent, name="communication.message.retried.v1"):
    """The provider deferred the message; the next try is at `retry_at`."""

    provider: str
    code: str | None
    reason: Remark
    attempt: int
    retry_at: Instant | None


class MessageUnconfirmed(DeliveryEvent, name="communication.message.unconfirmed.v1"):
    """The provider did not answer; the message may have gone out."""

    provider: str
    reason: Remark
    attempt: int


class MessageRejected(DeliveryEvent, name="communication.message.rejected.v1"):
    """The provider refused the message for good. Nothing went out on this channel, and `refund` is given back."""

    provider: str
    code: str | None
    reason: Remark
    attempt: int
    refund: Microcents


class MessageDelivered(DeliveryEvent, name="communication.message.delivered.v1"):
    """The message arrived. `implied`: concluded from an open or a click, without a report."""

    provider: str
    provider_id: str | None
    implied: bool = False


class MessageUndelivered(DeliveryEvent, name="communication.message.undelivered.v1"):
    """The provider accepted the message and later reported that it did not arrive."""

    provider: str
    provider_id: str | None
    code: str | None
    reason: Remark


class MessageOpened(DeliveryEvent, name="communication.message.opened.v1"):
    """The first time the message was opened."""


class MessageClicked(DeliveryEvent, name="communication.message.clicked.v1"):
    """The first time a link in the message was followed."""


class ActionTaken(DeliveryEvent, name="communication.message.action_taken.v1"):
    """The recipient took the action of the message for the first time. Reports call this "engaged"."""

    action: Remark


ProviderEvent = (
    MessageSent | MessageRetried | MessageUnconfirmed | MessageRejected | MessageDelivered | MessageUndelivered
)
"""The delivery events that follow from a provider's answer or report: each sets a status."""

AnyDeliveryEvent = ProviderEvent | MessageOpened | MessageClicked | ActionTaken
"""Every DeliveryEvent by its class, for exhaustive matches."""


class ReceiptNoted(OfMessage, name="communication.message.receipt_noted.v1"):
    """A provider's report without effect: repeated, out of order, in between, or of an unknown kind."""

    channel: Channel
    provider: str
    provider_id: str | None
    kind: str


UNKNOWN = "unknown"
"""The code of a try that may have gone out: repeated where the provider recognises repeats, else looked up."""


class Delivery(BaseModel):
    """The message on one channel. `to` is its address; `perhaps_out`: an earlier try may have gone out."""

    model_config = ConfigDict(frozen=True)

    status: DeliveryStatus
    day: date
    cost: Microcents
    to: str | None = None
    provider_id: str | None = None
    perhaps_out: bool = False
    opened: bool = False
    clicked: bool = False
    acted: bool = False


def evolve_delivery(delivery: Delivery, event: AnyDeliveryEvent) -> Delivery:
    """The delivery after the event."""
    return delivery.model_copy(update=_progress(event))


def _progress(event: AnyDeliveryEvent) -> dict[str, object]:
    match event:
        case MessageOpened():
            return {"opened": True}
        case MessageClicked():
            return {"clicked": True}
        case ActionTaken():
            return {"acted": True}
        case MessageRetried(code=code) if code == UNKNOWN:
            return {"status": DeliveryStatus.RETRYING, "perhaps_out": True}
        case MessageSent() | MessageDelivered() | MessageUndelivered():
            return {"status": status_after(event), "provider_id": event.provider_id}
        case MessageRetried() | MessageUnconfirmed() | MessageRejected():
            return {"status": status_after(event)}
        case _:
            assert_never(event)


def status_after(event: ProviderEvent) -> DeliveryStatus:
    """The status of a delivery after the event."""
    match event:
        case MessageRetried():
            return DeliveryStatus.RETRYING
        case MessageUnconfirmed():
            return DeliveryStatus.UNCONFIRMED
        case MessageRejected():
            return DeliveryStatus.REJECTED
        case MessageSent():
            return DeliveryStatus.SENT
        case MessageUndelivered():
            return DeliveryStatus.UNDELIVERED
        case MessageDelivered():
            return DeliveryStatus.DELIVERED
        case _:
            assert_never(event)

"""The webhook types of a message's events: `message.delivered` for `communication.message.delivered.v1`."""

from __future__ import annotations

from collections.abc import Mapping

from domain.communication.delivery import (
    ActionTaken,
    MessageClicked,
    MessageDelivered,
    MessageOpened,
    MessageRejected,
    MessageRetried,
    MessageSent,
    MessageUnconfirmed,
    MessageUndelivered,
    ReceiptNoted,
)
from domain.communication.message import (
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageEvent,
    MessageHeld,
    MessageRequested,
    ReservationReturned,
)

WEBHOOK_TYPES: Mapping[type[MessageEvent], str | None] = {
    MessageRequested: None,
    MessageHeld: None,
    MessageDispatched: None,
    MessageBlocked: None,
    MessageCancelled: None,
    ReservationReturned: None,
    MessageSent: "message.sent",
    MessageRetried: "message.retried",
    MessageUnconfirmed: "message.unconfirmed",
    MessageRejected: "message.rejected",
    MessageDelivered: "message.delivered",
    MessageUndelivered: "message.undelivered",
    MessageOpened: "message.opened",
    MessageClicked: "message.clicked",
    ActionTaken: "message.action_taken",
    ReceiptNoted: None,
}
"""The webhook type of every event class of a message; None for an event without a webhook."""

TYPES: Mapping[str, str] = {kind.name: type_ for kind, type_ in WEBHOOK_TYPES.items() if type_ is not None}
"""The webhook types by the name of the event."""

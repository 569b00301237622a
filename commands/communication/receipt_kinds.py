"""The kinds of a provider's report, by the words of Twilio and Resend."""

from __future__ import annotations

from enum import StrEnum


class ReceiptKind(StrEnum):
    """The kind of a provider's report, in one vocabulary for all providers."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    OTHER = "other"


TWILIO_KINDS = {
    "accepted": ReceiptKind.ACCEPTED,
    "queued": ReceiptKind.ACCEPTED,
    "sending": ReceiptKind.ACCEPTED,
    "sent": ReceiptKind.ACCEPTED,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "undelivered": ReceiptKind.UNDELIVERED,
    "failed": ReceiptKind.UNDELIVERED,
    "canceled": ReceiptKind.UNDELIVERED,
}
"""Kinds by Twilio's MessageStatus; any other is OTHER."""


RESEND_KINDS = {
    "email.sent": ReceiptKind.ACCEPTED,
    "email.scheduled": ReceiptKind.ACCEPTED,
    "email.delivery_delayed": ReceiptKind.ACCEPTED,
    "email.delivered": ReceiptKind.DELIVERED,
    "email.bounced": ReceiptKind.BOUNCED,
    "email.suppressed": ReceiptKind.BOUNCED,
    "email.failed": ReceiptKind.UNDELIVERED,
    "email.complained": ReceiptKind.COMPLAINED,
    "email.opened": ReceiptKind.OPENED,
    "email.clicked": ReceiptKind.CLICKED,
}
"""Kinds by Resend's event type; any other is OTHER. A bounce of type Transient is UNDELIVERED: see `resend_kind`."""


def twilio_kind(status: str) -> ReceiptKind:
    """The kind of Twilio's MessageStatus."""
    return TWILIO_KINDS.get(status, ReceiptKind.OTHER)


def resend_kind(type_: str, bounce_type: str | None = None) -> ReceiptKind:
    """The kind of a Resend event; `bounce_type` is `data.bounce.type` ("Permanent", "Transient", "Undetermined")."""
    if type_ == "email.bounced" and bounce_type is not None and bounce_type != "Permanent":
        return ReceiptKind.UNDELIVERED
    return RESEND_KINDS.get(type_, ReceiptKind.OTHER)

"""The permission to send a message to a person, now or at a past time, with the consent behind it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.communication.consent import (
    AddressReported,
    ConsentStatus,
    Standing,
    VerificationCodeFailed,
    VerificationCodeSent,
)
from domain.communication.kinds import Channel, TriggerType
from domain.communication.recipient import ContactWithdrawn, Recipient, RecipientContacted, evolve
from projections.communication.queries.journal import events_of
from streams.core.read_models import Row

IRRELEVANT = (RecipientContacted, ContactWithdrawn, AddressReported, VerificationCodeSent, VerificationCodeFailed)

REASONS = {
    ConsentStatus.GRANTED: "explicit_consent",
    ConsentStatus.NONE: "no_consent",
    ConsentStatus.PENDING: "pending_verification",
    ConsentStatus.REVOKED: "revoked",
    ConsentStatus.OPTED_OUT: "opted_out",
}


class SendPermission(NamedTuple):
    """The permission. `event` is the version of the consent's event in the stream `recipient/<user id>`, 0 if none."""

    can_send: bool
    reason: str
    consent_status: ConsentStatus
    event: int


async def recipient_at(connection: AsyncConnection[Row], user_id: int, as_of: datetime | None = None) -> Recipient:
    """The recipient's state, now or at a past time, folded from the journal as in decisions."""
    recipient = Recipient()
    for written in await events_of(connection, f"recipient/{user_id}", until=as_of, without=IRRELEVANT):
        before = recipient.model_copy(update={"version": written.version - 1})
        recipient = evolve(before, written.fact)  # type: ignore[arg-type]
    return recipient


async def may_still_go(
    connection: AsyncConnection[Row], user_id: int, channel: Channel, type_: TriggerType
) -> SendPermission:
    """Check right before every try at sending: hours may lie between a dispatch and its last retry.

    A pending verification does not count: nothing may go until it has brought consent.
    """
    recipient = await recipient_at(connection, user_id)
    return _checked(recipient, channel, type_, recipient.reach(channel).standing(type_))


def check(recipient: Recipient, channel: Channel, type_: TriggerType, at: datetime) -> SendPermission:
    """Check consent, then suppression and preferences, as the rules of a decision do.

    `at` is the time in question; a code may have expired by then.
    """
    return _checked(recipient, channel, type_, recipient.consent(channel, type_, at))


def _checked(recipient: Recipient, channel: Channel, type_: TriggerType, standing: Standing) -> SendPermission:
    reach, wanted = recipient.reach(channel), recipient.preferences
    reason = REASONS[standing.status]
    if standing.status is ConsentStatus.GRANTED:
        if reach.suppressed:
            reason = "suppressed"
        elif reach.address is None:
            reason = "no_address"
        elif not (wanted.enabled(channel) and wanted.wants(channel, type_)):
            reason = "preference_disabled"
    return SendPermission(reason == "explicit_consent", reason, standing.status, standing.event)

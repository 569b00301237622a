"""Consent of a recipient, per channel and message type: its events, its proof by a verified number, and its state."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import ALL_TYPES, Channel, TriggerType
from domain.messages import Event, Instant, Personal

CODES_PER_HOUR = 5
"""How many verification codes a person may be sent within an hour: with 5 tries each it keeps guessing hopeless."""


MAX_TRIES = 5
"""How many wrong codes a verification bears."""


class ConsentStatus(StrEnum):
    NONE = "none"
    PENDING = "pending"
    GRANTED = "granted"
    REVOKED = "revoked"
    OPTED_OUT = "opted_out"


class OptOutSource(StrEnum):
    """How an opt-out reached us."""

    API = "api"
    KEYWORD = "sms_keyword"
    UNSUBSCRIBE = "unsubscribe_link"
    COMPLAINT = "complaint"
    PROVIDER = "provider"


class OfRecipient(Event):
    """What every event of a recipient names: the person."""

    user_id: int


class SmsConsentRequested(OfRecipient, name="communication.recipient.sms_consent_requested.v1", subject="user_id"):
    """Consent that counts once the number is verified. `message_types` are those that wait for it.

    `text` is what the person was shown when agreeing. The code derives from `verification_id` and is nowhere kept.
    """

    verification_id: UUID
    message_types: tuple[TriggerType, ...]
    phone_number: Personal[str]
    source: str
    expires_at: Instant
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: str = ""


class VerificationCodeSent(OfRecipient, name="communication.recipient.verification_code_sent.v1"):
    verification_id: UUID
    provider: str
    provider_id: str | None


class VerificationCodeFailed(OfRecipient, name="communication.recipient.verification_code_failed.v1"):
    """The code could not be sent (`unconfirmed`: it may have been)."""

    verification_id: UUID
    code: str | None
    reason: str
    unconfirmed: bool = False


class PhoneVerificationFailed(OfRecipient, name="communication.recipient.phone_verification_failed.v1"):
    """A wrong code was given."""

    verification_id: UUID
    tries_left: int


class PhoneNumberVerified(OfRecipient, name="communication.recipient.phone_number_verified.v1", subject="user_id"):
    verification_id: UUID
    phone_number: Personal[str]


class ConsentGranted(OfRecipient, name="communication.recipient.consent_granted.v1", subject="user_id"):
    """Consent for these message types on this channel, at this address.

    `verification_id` is the proof behind SMS consent; `keyword` the word that brought it back. `new_address` says that
    it is another one than before, which ends a suppression.
    """

    channel: Channel
    message_types: tuple[TriggerType, ...]
    address: Personal[str]
    source: str
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: str = ""
    verification_id: UUID | None = None
    keyword: str | None = None
    new_address: bool = False


class ConsentRevoked(OfRecipient, name="communication.recipient.consent_revoked.v1"):
    channel: Channel
    message_types: tuple[TriggerType, ...]
    reason: str


class OptedOut(OfRecipient, name="communication.recipient.opted_out.v1"):
    channel: Channel
    message_types: tuple[TriggerType, ...]
    reason: str
    source: OptOutSource


class AddressSuppressed(OfRecipient, name="communication.recipient.address_suppressed.v1"):
    """The provider says that nothing arrives at this channel's present address (a permanent bounce)."""

    channel: Channel
    reason: str


class Standing(BaseModel):
    """How consent stands for one message type on one channel; `event` is the version of the event that made it so."""

    model_config = ConfigDict(frozen=True)

    status: ConsentStatus
    event: int
    reason: str = ""


NO_STANDING = Standing(status=ConsentStatus.NONE, event=0)


class Reach(BaseModel):
    """How a person may be reached on one channel. `suppressed` is the event that suppressed the address, 0 if none."""

    model_config = ConfigDict(frozen=True)

    address: str | None = None
    standings: dict[TriggerType, Standing] = {}
    suppressed: int = 0
    suppression: str = ""

    def standing(self, type_: TriggerType) -> Standing:
        return self.standings.get(type_, NO_STANDING)


class Verification(BaseModel):
    """A number that waits for its code."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    phone_number: str | None
    expires_at: Instant
    tries: int = 0
    source: str
    ip: str | None = None
    user_agent: str | None = None
    text: str = ""
    event: int

    def is_open(self, at: datetime) -> bool:
        """Whether the right code would still bring consent at that moment."""
        return at < self.expires_at and self.tries < MAX_TRIES


def ends_verification(event: ConsentRevoked | OptedOut) -> bool:
    """Whether a number that waits for its code waits in vain from here on."""
    return event.channel is Channel.SMS and set(event.message_types) == set(ALL_TYPES)

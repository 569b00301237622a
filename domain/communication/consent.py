"""Consent of a recipient, per channel and message type: its events, its proof by a verified number, and its state.

A STOP closes the whole channel and leaves what is kept per type as it is, so that START gives back exactly what the
STOP took.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.budget import Limits
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType
from domain.communication.permanent_codes import AddressFact
from domain.messages import Event, Instant, Personal, Remark
from domain.money import Microcents

CODES_PER_HOUR = 5
"""The most verification codes for a person within an hour: with 5 tries each, guessing stays hopeless."""


MAX_TRIES = 5
"""The number of wrong codes that ends a verification."""


class ConsentStatus(StrEnum):
    NONE = "none"
    PENDING = "pending"
    GRANTED = "granted"
    REVOKED = "revoked"
    OPTED_OUT = "opted_out"


class OptOutSource(StrEnum):
    """The way an opt-out reached us."""

    API = "api"
    KEYWORD = "sms_keyword"
    UNSUBSCRIBE = "unsubscribe_link"
    COMPLAINT = "complaint"
    PROVIDER = "provider"


STOPS = (OptOutSource.KEYWORD, OptOutSource.PROVIDER)
"""The sources of a STOP: the text itself, and the provider that received it."""


class OfRecipient(Event, subject="user_id"):
    """An event of one recipient, `user_id`."""

    user_id: int


class SmsConsentRequested(OfRecipient, name="communication.recipient.sms_consent_requested.v1"):
    """SMS consent that counts once the number is verified. `message_types` are the types that wait for it.

    `text` is the wording shown to the person. The code derives from `verification_id` and is stored nowhere. `cost` is
    that of the text with the code, `limits` are the budget's.
    """

    verification_id: UUID
    message_types: tuple[TriggerType, ...]
    phone_number: Personal[str]
    source: Remark
    expires_at: Instant
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: Remark = ""
    cost: Microcents = 0
    limits: Limits | None = None


class VerificationCodeSent(OfRecipient, name="communication.recipient.verification_code_sent.v1"):
    verification_id: UUID
    provider: str
    provider_id: str | None


class VerificationCodeFailed(OfRecipient, name="communication.recipient.verification_code_failed.v1"):
    """The code was not sent, or did not arrive; with `unconfirmed` it may have been sent.

    `refund` is given back to the budget of `day`.
    """

    verification_id: UUID
    code: str | None
    reason: Remark
    unconfirmed: bool = False
    refund: Microcents = 0
    day: date | None = None


class PhoneVerificationFailed(OfRecipient, name="communication.recipient.phone_verification_failed.v1"):
    """A wrong code for a verification."""

    verification_id: UUID
    tries_left: int


class PhoneNumberVerified(OfRecipient, name="communication.recipient.phone_number_verified.v1"):
    verification_id: UUID
    phone_number: Personal[str]


class ConsentGranted(OfRecipient, name="communication.recipient.consent_granted.v1"):
    """Consent for these message types on this channel, at this address.

    `verification_id` is the proof behind SMS consent, `keyword` the word that restored it. `new_address` marks another
    address than before, which ends a suppression.
    """

    channel: Channel
    message_types: tuple[TriggerType, ...]
    address: Personal[str]
    source: Remark
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: Remark = ""
    verification_id: UUID | None = None
    keyword: str | None = None
    new_address: bool = False


class ConsentRevoked(OfRecipient, name="communication.recipient.consent_revoked.v1"):
    channel: Channel
    message_types: tuple[TriggerType, ...]
    reason: Remark


class OptedOut(OfRecipient, name="communication.recipient.opted_out.v1"):
    channel: Channel
    message_types: tuple[TriggerType, ...]
    reason: Remark
    source: OptOutSource


class AddressSuppressed(OfRecipient, name="communication.recipient.address_suppressed.v1"):
    """A permanent bounce: nothing arrives at the channel's present address any more."""

    channel: Channel
    reason: Remark


class AddressReported(OfRecipient, name="communication.recipient.address_reported.v1"):
    """A provider's report on an address that a message to this person went to. It holds for all who have it."""

    channel: Channel
    address: Personal[str]
    fact: AddressFact


class Standing(BaseModel):
    """The state of consent for one message type on one channel. `event` is the version of the event that set it."""

    model_config = ConfigDict(frozen=True)

    status: ConsentStatus
    event: int
    reason: str | None = ""


NO_STANDING = Standing(status=ConsentStatus.NONE, event=0)


class Reach(BaseModel):
    """A person's address and consent on one channel.

    `standings` are what is kept per type. `stopped` is the STOP that closes the channel until START or a new consent.
    `suppressed` is the version of the suppressing event, or 0. `agreed_at` is the time of the latest word for messages,
    `address_since` that of another address than before.
    """

    model_config = ConfigDict(frozen=True)

    address: str | None = None
    standings: dict[TriggerType, Standing] = {}
    stopped: Standing | None = None
    suppressed: int = 0
    suppression: str | None = ""
    agreed_at: Instant | None = None
    address_since: Instant | None = None

    def standing(self, type_: TriggerType) -> Standing:
        """The consent that counts: a STOP closes the channel, and the latest withdrawal is the one to name."""
        kept = self.kept(type_)
        if self.stopped is None or (kept.status is not ConsentStatus.GRANTED and kept.event > self.stopped.event):
            return kept
        return self.stopped

    def kept(self, type_: TriggerType) -> Standing:
        """The consent that counts once no STOP closes the channel."""
        return self.standings.get(type_, NO_STANDING)


class Verification(BaseModel):
    """A phone number that waits for its code."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    phone_number: str | None
    expires_at: Instant
    tries: int = 0
    source: str | None
    ip: str | None = None
    user_agent: str | None = None
    text: str | None = ""
    cost: Microcents = 0
    day: date
    event: int

    def is_open(self, at: datetime) -> bool:
        """Whether the right code still brings consent at that instant."""
        return at < self.expires_at and self.tries < MAX_TRIES


def ends_verification(event: ConsentRevoked | OptedOut) -> bool:
    """Whether the event ends a pending verification: it covers all types on SMS, as a STOP always does."""
    return event.channel is Channel.SMS and (is_stop(event) or set(event.message_types) == set(ALL_TYPES))


def is_stop(event: ConsentRevoked | OptedOut) -> bool:
    """Whether the event is a STOP, which closes the channel as a whole."""
    return isinstance(event, OptedOut) and event.channel is Channel.SMS and event.source in STOPS

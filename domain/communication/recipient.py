"""A person who may be written to: what they agreed to, what they want, and how often they have been written to.

Consent is kept per channel and message type. SMS consent counts once its number is verified (double opt-in). An
opt-out or a revocation holds until consent is given anew: by START from the verified number, by verifying again, or
by a new e-mail grant. A bounce suppresses the address itself, until another address is given.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import ALL_TYPES, Channel, TriggerType
from domain.communication.preferences import DEFAULTS, Preferences
from domain.messages import Event, Instant, Personal

FREQUENCY_CAP = 5
"""How many messages that are not critical may go out to a person, over all channels and types, in any rolling window
of their frequency preference (a day, a week, 30 days). Critical messages neither count nor are counted against."""

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


class PreferencesUpdated(OfRecipient, name="communication.recipient.preferences_updated.v1"):
    """`preferences` are complete, as they are from here on."""

    preferences: Preferences


class PreferencesReset(OfRecipient, name="communication.recipient.preferences_reset.v1"):
    preferences: Preferences


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


class InboundSmsReceived(OfRecipient, name="communication.recipient.inbound_sms_received.v1", subject="user_id"):
    """A text from the person that changed nothing: HELP, or anything that is no keyword."""

    keyword: str | None
    body: Personal[str]


class RecipientContacted(OfRecipient, name="communication.recipient.contacted.v1"):
    """A message that counts against the frequency cap went out."""

    message_id: UUID


RecipientEvent = (
    PreferencesUpdated
    | PreferencesReset
    | SmsConsentRequested
    | VerificationCodeSent
    | VerificationCodeFailed
    | PhoneVerificationFailed
    | PhoneNumberVerified
    | ConsentGranted
    | ConsentRevoked
    | OptedOut
    | AddressSuppressed
    | InboundSmsReceived
    | RecipientContacted
)


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


class Contact(BaseModel):
    """A message that counts against the frequency cap; `event` is the version of the event that recorded it."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    event: int


class Recipient(BaseModel):
    """`version` counts the events of the stream, so that what was recorded can be referred to."""

    model_config = ConfigDict(frozen=True)

    version: int = 0
    preferences: Preferences = DEFAULTS
    preferences_event: int = 0
    sms: Reach = Reach()
    email: Reach = Reach()
    verification: Verification | None = None
    codes_asked: tuple[Instant, ...] = ()
    contacted: tuple[Contact, ...] = ()

    def reach(self, channel: Channel) -> Reach:
        return self.sms if channel is Channel.SMS else self.email

    def consent(self, channel: Channel, type_: TriggerType, at: datetime) -> Standing:
        """The standing of consent at that moment, by what is recorded.

        Pending is what a verification under way can still bring and nothing has undone since. When its code has
        expired, or was guessed wrong too often, consent stands as it did before.
        """
        standing, waiting = self.reach(channel).standing(type_), self.verification
        if standing.status is ConsentStatus.GRANTED or channel is Channel.EMAIL or waiting is None:
            return standing
        if standing.event > waiting.event or not waiting.is_open(at):
            return standing
        return Standing(status=ConsentStatus.PENDING, event=waiting.event)


def evolve(recipient: Recipient, event: RecipientEvent) -> Recipient:
    """The recipient after the event."""
    changed = _evolve(recipient, event, recipient.version + 1)
    return changed.model_copy(update={"version": recipient.version + 1})


def _evolve(recipient: Recipient, event: RecipientEvent, version: int) -> Recipient:
    match event:
        case PreferencesUpdated() | PreferencesReset():
            return recipient.model_copy(update={"preferences": event.preferences, "preferences_event": version})
        case RecipientContacted():
            contacted = (*recipient.contacted, Contact(at=event.at, event=version))
            return recipient.model_copy(update={"contacted": contacted[-FREQUENCY_CAP:]})
        case SmsConsentRequested() | PhoneVerificationFailed() | PhoneNumberVerified():
            return _verifying(recipient, event, version)
        case ConsentGranted() | ConsentRevoked() | OptedOut() | AddressSuppressed():
            return _consenting(recipient, event, version)
        case VerificationCodeSent() | VerificationCodeFailed() | InboundSmsReceived():
            return recipient
        case _:
            assert_never(event)


def _verifying(
    recipient: Recipient, event: SmsConsentRequested | PhoneVerificationFailed | PhoneNumberVerified, version: int
) -> Recipient:
    match event:
        case SmsConsentRequested():
            verification = Verification(
                id=event.verification_id,
                phone_number=event.phone_number,
                expires_at=event.expires_at,
                source=event.source,
                ip=event.ip,
                user_agent=event.user_agent,
                text=event.text,
                event=version,
            )
            asked = (*recipient.codes_asked, event.at)[-CODES_PER_HOUR:]
            return recipient.model_copy(update={"verification": verification, "codes_asked": asked})
        case PhoneVerificationFailed():
            waiting = recipient.verification
            tried = waiting and waiting.model_copy(update={"tries": waiting.tries + 1})
            return recipient.model_copy(update={"verification": tried})
        case PhoneNumberVerified():
            return recipient.model_copy(update={"verification": None})


def _consenting(
    recipient: Recipient, event: ConsentGranted | ConsentRevoked | OptedOut | AddressSuppressed, version: int
) -> Recipient:
    reach = recipient.reach(event.channel)
    match event:
        case ConsentGranted():
            reach = _standing(reach, event.message_types, ConsentStatus.GRANTED, version, event.source)
            lifted = {"suppressed": 0, "suppression": ""} if event.new_address else {}
            reach = reach.model_copy(update={"address": event.address, **lifted})
        case ConsentRevoked():
            reach = _standing(reach, event.message_types, ConsentStatus.REVOKED, version, event.reason)
        case OptedOut():
            reach = _standing(reach, event.message_types, ConsentStatus.OPTED_OUT, version, event.reason)
        case AddressSuppressed():
            reach = reach.model_copy(update={"suppressed": version, "suppression": event.reason})
    ended = isinstance(event, ConsentRevoked | OptedOut) and ends_verification(event)
    verification = None if ended else recipient.verification
    return recipient.model_copy(update={event.channel.value: reach, "verification": verification})


def ends_verification(event: ConsentRevoked | OptedOut) -> bool:
    """Whether a number that waits for its code waits in vain from here on."""
    return event.channel is Channel.SMS and set(event.message_types) == set(ALL_TYPES)


def _standing(
    reach: Reach,
    types: tuple[TriggerType, ...],
    status: ConsentStatus,
    version: int,
    reason: str,
) -> Reach:
    standing = Standing(status=status, event=version, reason=reason)
    return reach.model_copy(update={"standings": reach.standings | dict.fromkeys(types, standing)})

"""A recipient: consent, preferences, and the messages that count against the frequency cap.

Consent is kept per channel and message type. SMS consent counts once its number is verified (double opt-in). An
opt-out or a revocation holds until consent is given anew, by another verification or by a new e-mail grant; a STOP also
until START from the verified number. A bounce suppresses the address itself, until another address is given.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.consent import (
    CODES_PER_HOUR,
    AddressReported,
    AddressSuppressed,
    ConsentGranted,
    ConsentRevoked,
    ConsentStatus,
    OfRecipient,
    OptedOut,
    PhoneNumberVerified,
    PhoneVerificationFailed,
    Reach,
    SmsConsentRequested,
    Standing,
    Verification,
    VerificationCodeFailed,
    VerificationCodeSent,
    ends_verification,
    is_stop,
)
from domain.communication.kinds import Channel, TriggerType
from domain.communication.preferences import DEFAULTS, Preferences
from domain.messages import Instant, Personal

FREQUENCY_CAP = 5
"""The most messages to a person, over all channels and types, in a rolling window of their frequency preference (a day,
a week, 30 days). Critical messages neither count nor are held back."""

CONTACTS_KEPT = 4 * FREQUENCY_CAP
"""The latest contacts in the state: more than the cap, as some are withdrawn and the window may become longer."""


class PreferencesUpdated(OfRecipient, name="communication.recipient.preferences_updated.v1"):
    """`preferences` are the complete preferences from here on."""

    preferences: Preferences


class PreferencesReset(OfRecipient, name="communication.recipient.preferences_reset.v1"):
    preferences: Preferences


class InboundSmsReceived(OfRecipient, name="communication.recipient.inbound_sms_received.v1"):
    """A text from the person that withdraws and grants nothing: HELP, or no keyword at all.

    `lifts_stop` marks a START from the verified number that has no consent to give back: it ends a STOP all the same.
    """

    keyword: str | None
    body: Personal[str]
    lifts_stop: bool = False


class RecipientContacted(OfRecipient, name="communication.recipient.contacted.v1"):
    """The dispatch of a message that counts against the frequency cap."""

    message_id: UUID


class ContactWithdrawn(OfRecipient, name="communication.recipient.contact_withdrawn.v1"):
    """The message can have reached the person on no channel: it does not count against the frequency cap any more."""

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
    | AddressReported
    | InboundSmsReceived
    | RecipientContacted
    | ContactWithdrawn
)


class Contact(BaseModel):
    """A message that counts against the frequency cap. `event` is the version of its RecipientContacted."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    event: int
    message_id: UUID


class Recipient(BaseModel):
    """The state of a recipient. `version` counts the events of the stream; decisions refer to events by it."""

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
        """The state of consent at that time.

        It is pending while a verification can still bring it and nothing has undone that since. Once the code has
        expired, or was guessed wrong too often, the state before the verification holds.
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
            contact = Contact(at=event.at, event=version, message_id=event.message_id)
            return recipient.model_copy(update={"contacted": (*recipient.contacted, contact)[-CONTACTS_KEPT:]})
        case ContactWithdrawn():
            left = tuple(one for one in recipient.contacted if one.message_id != event.message_id)
            return recipient.model_copy(update={"contacted": left})
        case SmsConsentRequested() | PhoneVerificationFailed() | PhoneNumberVerified():
            return _verifying(recipient, event, version)
        case ConsentGranted() | ConsentRevoked() | OptedOut() | AddressSuppressed():
            return _consenting(recipient, event, version)
        case InboundSmsReceived():
            return _texted(recipient, event)
        case VerificationCodeSent() | VerificationCodeFailed() | AddressReported():
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
                cost=event.cost,
                day=event.at.date(),
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
            reach = reach.model_copy(update=_addressed(event))
        case OptedOut() if is_stop(event):
            stopped = Standing(status=ConsentStatus.OPTED_OUT, event=version, reason=event.reason)
            reach = reach.model_copy(update={"stopped": stopped})
        case OptedOut():
            reach = _standing(reach, event.message_types, ConsentStatus.OPTED_OUT, version, event.reason)
        case ConsentRevoked():
            reach = _standing(reach, event.message_types, ConsentStatus.REVOKED, version, event.reason)
        case AddressSuppressed():
            reach = reach.model_copy(update={"suppressed": version, "suppression": event.reason})
    ended = isinstance(event, ConsentRevoked | OptedOut) and ends_verification(event)
    verification = None if ended else recipient.verification
    return recipient.model_copy(update={event.channel.value: reach, "verification": verification})


def _addressed(granted: ConsentGranted) -> dict[str, object]:
    """What a grant changes beside the standings. Another address than before ends a suppression."""
    changed: dict[str, object] = {"address": granted.address, "stopped": None, "agreed_at": granted.at}
    if granted.new_address:
        return changed | {"suppressed": 0, "suppression": "", "address_since": granted.at}
    return changed


def _texted(recipient: Recipient, event: InboundSmsReceived) -> Recipient:
    if not event.lifts_stop:
        return recipient
    lifted = recipient.sms.model_copy(update={"stopped": None, "agreed_at": event.at})
    return recipient.model_copy(update={"sms": lifted})


def _standing(
    reach: Reach,
    types: tuple[TriggerType, ...],
    status: ConsentStatus,
    version: int,
    reason: str | None,
) -> Reach:
    standing = Standing(status=status, event=version, reason=reason)
    return reach.model_copy(update={"standings": reach.standings | dict.fromkeys(types, standing)})

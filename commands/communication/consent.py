"""The grant of consent, and its proof.

SMS is double opt-in: consent is requested, a code goes to the number, and consent counts once the code comes back
within 10 minutes and 5 tries. The code derives from the verification's id and the server's secret, which only the edge
has: commands say only whether the right code came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commands.communication.address_report import ELSEWHERE, address_reported
from domain.communication.addresses import same_address
from domain.communication.budget import BudgetUsage, Limits, fits
from domain.communication.consent import (
    CODES_PER_HOUR,
    MAX_TRIES,
    AddressReported,
    AddressSuppressed,
    ConsentGranted,
    ConsentStatus,
    PhoneNumberVerified,
    PhoneVerificationFailed,
    SmsConsentRequested,
    Verification,
    VerificationCodeFailed,
    VerificationCodeSent,
)
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType
from domain.communication.permanent_codes import fact_of
from domain.communication.recipient import Recipient
from domain.messages import Attempt, Command, Event, Personal, Refused, Remark, ReplyAboutPerson, Result
from domain.money import Microcents

CODE_LIFETIME = timedelta(minutes=10)


class NoVerification(Refused, name="communication.no_verification", formerly="NoVerification"):
    """No verification is under way for this number, or not the checked one."""


class VerificationExpired(Refused, name="communication.verification_expired", formerly="VerificationExpired"):
    """The code has expired; a new one must be requested."""


class TooManyTries(Refused, name="communication.too_many_tries", formerly="TooManyTries"):
    """The code was guessed wrong too often; a new one must be requested."""


class TooManyCodes(Refused, name="communication.too_many_codes", formerly="TooManyCodes"):
    """Too many codes were requested within the hour."""


class CodeNotAllowed(Refused, name="communication.code_not_allowed"):
    """A code is needed, and none was allowed to the number: the caller saw an older state of the recipient."""


class CodeOverBudget(Refused, name="communication.code_over_budget"):
    """The text with the code does not fit what is left of a budget."""


class GrantSmsConsent(Command, name="communication.recipient.grant_sms_consent.v1", key="user_id", subject="user_id"):
    """Consent to texts of every type at this number (E.164); `verification_id` derives from the command's id.

    Answers SmsConsentRequested: a code is on its way. Answers nothing if this very number is verified and no consent
    has been withdrawn since. `allowed`: the number may get a code (AllowCode). `cost` is that of the text, `usage` the
    spending as read by the edge. Raises TooManyCodes, CodeNotAllowed or CodeOverBudget.
    """

    user_id: int
    verification_id: UUID
    phone_number: Personal[str]
    source: Remark
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: Remark = ""
    allowed: bool = True
    cost: Microcents = 0
    usage: BudgetUsage | None = None
    limits: Limits | None = None


class RecordCodeSent(
    ReplyAboutPerson, name="communication.recipient.record_code_sent.v1", key="user_id", subject="user_id"
):
    """Record the provider's answer to the text with the code."""

    user_id: int
    verification_id: UUID


class RecordCodeReceipt(
    Command, name="communication.recipient.record_code_receipt.v1", key="user_id", subject="user_id"
):
    """Record a provider's report that the text with the code did not arrive, if its code is still awaited."""

    user_id: int
    verification_id: UUID
    code: str | None
    reason: Remark = ""


class VerifyPhone(Command, name="communication.recipient.verify_phone.v1", key="user_id", subject="user_id"):
    """Verify a number: the edge has compared a code with that of `verification_id`, and it was `correct` or not.

    Answers PhoneNumberVerified and ConsentGranted, or PhoneVerificationFailed for a wrong code. Raises NoVerification,
    VerificationExpired or TooManyTries, also for the right code.
    """

    user_id: int
    verification_id: UUID
    correct: bool


class GrantEmailConsent(
    Command, name="communication.recipient.grant_email_consent.v1", key="user_id", subject="user_id"
):
    """Consent to e-mail of these types at this address. Answers ConsentGranted, or nothing if it is granted already.

    Another address replaces the old one for every type with consent. `dead`: the mailbox is known as dead, so that
    AddressSuppressed follows.
    """

    user_id: int
    address: Personal[str]
    message_types: tuple[TriggerType, ...] = ALL_TYPES
    source: Remark
    ip: Personal[str] = None
    user_agent: Personal[str] = None
    text: Remark = ""
    dead: bool = False


def grant_sms(command: GrantSmsConsent, recipient: Recipient) -> Sequence[Event]:
    if _stands(recipient, command.phone_number):
        return []
    recent = [asked for asked in recipient.codes_asked if asked > command.at - timedelta(hours=1)]
    if len(recent) >= CODES_PER_HOUR:
        raise TooManyCodes(f"{CODES_PER_HOUR} codes were asked for within the hour; try again later")
    _check_allowance(command)
    waiting = tuple(t for t in ALL_TYPES if recipient.sms.standing(t).status is not ConsentStatus.GRANTED)
    return [
        SmsConsentRequested(
            at=command.at,
            user_id=command.user_id,
            verification_id=command.verification_id,
            message_types=waiting or ALL_TYPES,
            phone_number=command.phone_number,
            source=command.source,
            expires_at=command.at + CODE_LIFETIME,
            ip=command.ip,
            user_agent=command.user_agent,
            text=command.text,
            cost=command.cost,
            limits=command.limits,
        )
    ]


def _check_allowance(command: GrantSmsConsent) -> None:
    if not command.allowed:
        raise CodeNotAllowed("consent has just changed; please ask again")
    if command.usage is None or command.limits is None:
        return
    exceeded = fits(command.usage, command.limits, command.cost)
    if exceeded is not None:
        raise CodeOverBudget(f"no code can be sent: the {exceeded} budget is used up", period=exceeded.value)


def _stands(recipient: Recipient, phone_number: str | None) -> bool:
    standings = (recipient.sms.standing(type_).status for type_ in ALL_TYPES)
    granted = all(status is ConsentStatus.GRANTED for status in standings)
    return granted and same_address(Channel.SMS, recipient.sms.address, phone_number)


def record_code_sent(command: RecordCodeSent, recipient: Recipient) -> Sequence[Event]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is Result.ACCEPTED:
        return [
            VerificationCodeSent(
                at=command.at,
                user_id=command.user_id,
                verification_id=command.verification_id,
                provider=attempt.provider,
                provider_id=attempt.provider_id,
            )
        ]
    return [_code_failed(command, attempt, recipient), *_number_reported(command, attempt.code, recipient)]


def _code_failed(command: RecordCodeSent, attempt: Attempt, recipient: Recipient) -> VerificationCodeFailed:
    waiting, unconfirmed = _waiting(command, recipient), attempt.result is Result.UNCONFIRMED
    return VerificationCodeFailed(
        at=command.at,
        user_id=command.user_id,
        verification_id=command.verification_id,
        code=attempt.code,
        reason=command.reason,
        unconfirmed=unconfirmed,
        refund=0 if waiting is None or unconfirmed else waiting.cost,
        day=None if waiting is None else waiting.day,
    )


def _waiting(command: RecordCodeSent | RecordCodeReceipt, recipient: Recipient) -> Verification | None:
    waiting = recipient.verification
    return waiting if waiting is not None and waiting.id == command.verification_id else None


def _number_reported(
    command: RecordCodeSent | RecordCodeReceipt, code: str | None, recipient: Recipient
) -> Sequence[Event]:
    """What a permanent code says about the number that waits for its code."""
    waiting, fact = _waiting(command, recipient), fact_of(Channel.SMS, code)
    if waiting is None or fact is None:
        return []
    report = AddressReported(
        at=command.at, user_id=command.user_id, channel=Channel.SMS, address=waiting.phone_number, fact=fact
    )
    return address_reported(recipient, report)


def record_code_receipt(command: RecordCodeReceipt, recipient: Recipient) -> Sequence[Event]:
    if _waiting(command, recipient) is None:
        return []
    failed = VerificationCodeFailed(
        at=command.at,
        user_id=command.user_id,
        verification_id=command.verification_id,
        code=command.code,
        reason=command.reason,
    )
    return [failed, *_number_reported(command, command.code, recipient)]


def verify(command: VerifyPhone, recipient: Recipient) -> Sequence[Event]:
    waiting = recipient.verification
    if waiting is None or waiting.id != command.verification_id:
        raise NoVerification("no verification is under way for this number")
    if command.at >= waiting.expires_at:
        raise VerificationExpired("the verification code has expired")
    if waiting.tries >= MAX_TRIES:
        raise TooManyTries("too many wrong codes; ask for a new one")
    if command.correct:
        return _verified(command, recipient, waiting)
    left = MAX_TRIES - waiting.tries - 1
    return [
        PhoneVerificationFailed(at=command.at, user_id=command.user_id, verification_id=waiting.id, tries_left=left)
    ]


def _verified(command: VerifyPhone, recipient: Recipient, waiting: Verification) -> Sequence[Event]:
    """Verify the number, and grant every type whose consent was not withdrawn while the code was on its way."""
    verified = PhoneNumberVerified(
        at=command.at, user_id=command.user_id, verification_id=waiting.id, phone_number=waiting.phone_number
    )
    wanted = (ConsentStatus.GRANTED, ConsentStatus.PENDING)
    types = tuple(type_ for type_ in ALL_TYPES if recipient.consent(Channel.SMS, type_, command.at).status in wanted)
    if not types:
        return [verified]
    return [
        verified,
        ConsentGranted(
            at=command.at,
            user_id=command.user_id,
            channel=Channel.SMS,
            message_types=types,
            address=waiting.phone_number,
            source=waiting.source,
            ip=waiting.ip,
            user_agent=waiting.user_agent,
            text=waiting.text,
            verification_id=waiting.id,
            new_address=not same_address(Channel.SMS, waiting.phone_number, recipient.sms.address),
        ),
    ]


def grant_email(command: GrantEmailConsent, recipient: Recipient) -> Sequence[Event]:
    email = recipient.email
    granted = all(email.standing(type_).status is ConsentStatus.GRANTED for type_ in command.message_types)
    if granted and email.address == command.address:
        return []
    new_address = not same_address(Channel.EMAIL, command.address, email.address)
    consent = ConsentGranted(
        at=command.at,
        user_id=command.user_id,
        channel=Channel.EMAIL,
        message_types=command.message_types,
        address=command.address,
        source=command.source,
        ip=command.ip,
        user_agent=command.user_agent,
        text=command.text,
        new_address=new_address,
    )
    if not command.dead or (email.suppressed and not new_address):
        return [consent]
    suppressed = AddressSuppressed(at=command.at, user_id=command.user_id, channel=Channel.EMAIL, reason=ELSEWHERE)
    return [consent, suppressed]

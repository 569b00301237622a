"""Giving consent, proving it, and taking it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.communication.consent import (
    GrantEmailConsent,
    GrantSmsConsent,
    NoVerification,
    RecordCodeSent,
    TooManyCodes,
    TooManyTries,
    VerificationExpired,
    VerifyPhone,
)
from commands.communication.opt_out import OptOut, ReceiveSms, RevokeConsent
from domain.communication.consent import (
    CODES_PER_HOUR,
    MAX_TRIES,
    ConsentGranted,
    ConsentRevoked,
    ConsentStatus,
    OptedOut,
    OptOutSource,
    PhoneNumberVerified,
    PhoneVerificationFailed,
    SmsConsentRequested,
    VerificationCodeFailed,
    VerificationCodeSent,
)
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType, Wish
from domain.communication.recipient import InboundSmsReceived, Recipient, RecipientEvent, evolve
from domain.keywords import HELP_WORDS, START_WORDS, STOP_WORDS
from domain.messages import Attempt, Result
from streams.testing import Scenario
from tests.commands.communication.people import (
    ADA,
    ADDRESS,
    ALERT,
    HOUR,
    NOW,
    PHONE,
    REPORT,
    STORY,
    VERIFICATION,
    agreed,
    asked_for_code,
    opted_out,
    revoked,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL
MINUTE = timedelta(minutes=1)


def grant(phone: str = PHONE, verification: UUID = VERIFICATION, at: datetime = NOW, **more: Any) -> GrantSmsConsent:
    return GrantSmsConsent(at=at, user_id=ADA, verification_id=verification, phone_number=phone, source="web", **more)


def verify(correct: bool = True, at: datetime = NOW + MINUTE, verification: UUID = VERIFICATION) -> VerifyPhone:
    return VerifyPhone(at=at, user_id=ADA, verification_id=verification, correct=correct)


def mail(types: tuple[TriggerType, ...] = ALL_TYPES, address: str = ADDRESS) -> GrantEmailConsent:
    return GrantEmailConsent(at=NOW, user_id=ADA, address=address, message_types=types, source="api")


def text(body: str, phone: str = PHONE) -> ReceiveSms:
    return ReceiveSms(at=NOW, user_id=ADA, phone_number=phone, body=body)


def recipient_after(story: Scenario) -> Recipient:
    recipient = Recipient()
    for event in story.history:
        assert isinstance(event, RecipientEvent)
        recipient = evolve(recipient, event)
    return recipient


def status_after(
    story: Scenario, channel: Channel, type_: TriggerType = ALERT, at: datetime = NOW + MINUTE
) -> ConsentStatus:
    return recipient_after(story).consent(channel, type_, at).status


def test_sms_consent_waits_for_the_number_to_be_verified() -> None:
    asked = STORY.when(grant(ip="192.0.2.1", text="I agree")).then_kinds(SmsConsentRequested)
    assert status_after(asked, SMS) is ConsentStatus.PENDING
    story = asked.when(verify()).then_kinds(PhoneNumberVerified, ConsentGranted)
    assert status_after(story, SMS) is ConsentStatus.GRANTED
    granted = story.produced[1]
    assert isinstance(granted, ConsentGranted)
    assert (granted.address, granted.source, granted.ip, granted.text, granted.verification_id) == (
        PHONE,
        "web",
        "192.0.2.1",
        "I agree",
        VERIFICATION,
    )


def test_consent_to_a_number_that_is_verified_needs_no_code() -> None:
    STORY.given(agreed(SMS)).when(grant()).then_nothing()


@pytest.mark.parametrize("taken_back", [opted_out(SMS), revoked(SMS), opted_out(SMS, (ALERT,))])
def test_after_an_opt_out_even_a_verified_number_is_verified_anew(taken_back: OptedOut | ConsentRevoked) -> None:
    story = STORY.given(agreed(SMS), taken_back).when(grant()).then_kinds(SmsConsentRequested)
    verified = story.when(verify()).then_kinds(PhoneNumberVerified, ConsentGranted)
    assert status_after(verified, SMS) is ConsentStatus.GRANTED


def test_another_number_is_verified_while_the_old_one_still_counts() -> None:
    story = STORY.given(agreed(SMS)).when(grant("+15005550009")).then_kinds(SmsConsentRequested)
    assert recipient_after(story).sms.address == PHONE
    verified = story.when(verify()).then_kinds(PhoneNumberVerified, ConsentGranted)
    assert recipient_after(verified).sms.address == "+15005550009"


def test_a_wrong_code_is_counted_and_says_how_many_tries_are_left() -> None:
    story = STORY.given(asked_for_code()).when(verify(correct=False)).then_kinds(PhoneVerificationFailed)
    assert story.produced[0].tries_left == MAX_TRIES - 1  # type: ignore[attr-defined]


def test_after_five_wrong_codes_not_even_the_right_one_helps() -> None:
    story = STORY.given(asked_for_code())
    for _ in range(MAX_TRIES):
        story = story.when(verify(correct=False)).then_kinds(PhoneVerificationFailed)
    story.when(verify()).then_refused(TooManyTries)


def test_a_code_is_good_for_ten_minutes() -> None:
    story = STORY.given(asked_for_code())
    story.when(verify(at=NOW + timedelta(minutes=10))).then_refused(VerificationExpired)
    story.when(verify(at=NOW + timedelta(minutes=9, seconds=59))).then_kinds(PhoneNumberVerified, ConsentGranted)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), ConsentStatus.NONE),
        ((opted_out(SMS),), ConsentStatus.OPTED_OUT),
        ((revoked(SMS),), ConsentStatus.REVOKED),
    ],
)
def test_consent_is_pending_only_as_long_as_the_code_is_good(before: tuple[Any, ...], after: ConsentStatus) -> None:
    story = STORY.given(*before, asked_for_code())
    last = NOW + timedelta(minutes=10) - timedelta(microseconds=1)
    assert status_after(story, SMS, at=last) is ConsentStatus.PENDING
    assert status_after(story, SMS, at=NOW + timedelta(minutes=10)) is after


def test_consent_is_not_pending_any_more_after_five_wrong_codes() -> None:
    story = STORY.given(asked_for_code())
    for _ in range(MAX_TRIES):
        assert status_after(story, SMS) is ConsentStatus.PENDING
        story = story.when(verify(correct=False)).then_kinds(PhoneVerificationFailed)
    assert status_after(story, SMS) is ConsentStatus.NONE


def test_who_let_the_code_expire_after_opting_out_has_nothing_to_opt_out_of_again() -> None:
    story = STORY.given(agreed(SMS), opted_out(SMS), asked_for_code())
    late = OptOut(at=NOW + HOUR, user_id=ADA, wish=Wish.SMS)
    story.when(late).then_nothing()
    story.when(late.model_copy(update={"at": NOW})).then_kinds(OptedOut)


def test_a_code_is_good_for_the_verification_it_belongs_to_and_once() -> None:
    story = STORY.given(asked_for_code())
    story.when(verify(verification=UUID(int=5))).then_refused(NoVerification)
    done = story.when(verify()).then_kinds(PhoneNumberVerified, ConsentGranted)
    done.when(verify()).then_refused(NoVerification)


def test_only_so_many_codes_are_sent_within_an_hour() -> None:
    story = STORY.given(*(asked_for_code() for _ in range(CODES_PER_HOUR)))
    story.when(grant(at=NOW + 59 * MINUTE)).then_refused(TooManyCodes)
    story.when(grant(at=NOW + HOUR)).then_kinds(SmsConsentRequested)


def test_an_opt_out_while_the_code_is_on_its_way_ends_the_verification() -> None:
    story = STORY.given(asked_for_code()).when(OptOut(at=NOW, user_id=ADA, wish=Wish.SMS)).then_kinds(OptedOut)
    story.when(verify()).then_refused(NoVerification)


def test_what_is_opted_out_of_while_the_code_is_on_its_way_stays_opted_out() -> None:
    early = OptOut(at=NOW, user_id=ADA, wish=Wish.SMS, message_types=(ALERT,))
    story = STORY.given(asked_for_code()).when(early).then_kinds(OptedOut)
    verified = story.when(verify()).then_kinds(PhoneNumberVerified, ConsentGranted)
    assert status_after(verified, SMS, ALERT) is ConsentStatus.OPTED_OUT
    assert status_after(verified, SMS, REPORT) is ConsentStatus.GRANTED


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (Result.ACCEPTED, VerificationCodeSent),
        (Result.REJECTED, VerificationCodeFailed),
        (Result.UNCONFIRMED, VerificationCodeFailed),
    ],
)
def test_it_is_on_record_whether_the_code_was_sent(result: Result, kind: type[Any]) -> None:
    attempt = Attempt(result=result, number=1, provider="twilio")
    reply = RecordCodeSent(at=NOW, user_id=ADA, verification_id=VERIFICATION, attempt=attempt)
    STORY.given(asked_for_code()).when(reply).then_kinds(kind)


def test_email_consent_is_given_for_the_kinds_named() -> None:
    story = STORY.when(mail((REPORT,))).then_kinds(ConsentGranted)
    assert status_after(story, EMAIL, REPORT) is ConsentStatus.GRANTED
    assert status_after(story, EMAIL, ALERT) is ConsentStatus.NONE
    story.when(mail((REPORT,))).then_nothing()
    story.when(mail((REPORT,), "ada@new.example.com")).then_kinds(ConsentGranted)


def test_consent_is_revoked_for_the_kinds_named_and_once() -> None:
    revoke = RevokeConsent(at=NOW, user_id=ADA, channel=SMS, message_types=(ALERT,), reason="user_request")
    story = STORY.given(agreed(SMS)).when(revoke).then_kinds(ConsentRevoked)
    assert status_after(story, SMS, ALERT) is ConsentStatus.REVOKED
    assert status_after(story, SMS, REPORT) is ConsentStatus.GRANTED
    story.when(revoke).then_nothing()


def test_a_revocation_does_not_soften_an_opt_out() -> None:
    STORY.given(opted_out(SMS)).when(RevokeConsent(at=NOW, user_id=ADA, channel=SMS)).then_nothing()


def test_opting_out_of_both_channels_is_recorded_for_each_and_once() -> None:
    story = STORY.given(agreed(SMS)).when(OptOut(at=NOW, user_id=ADA)).then_kinds(OptedOut, OptedOut)
    assert [status_after(story, channel) for channel in Channel] == [ConsentStatus.OPTED_OUT] * 2
    story.when(OptOut(at=NOW, user_id=ADA)).then_nothing()


def test_one_may_opt_out_before_ever_having_agreed() -> None:
    STORY.when(OptOut(at=NOW, user_id=ADA, wish=Wish.EMAIL)).then_kinds(OptedOut)


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
def test_stop_and_its_synonyms_opt_out_of_texts_at_once(word: str) -> None:
    story = STORY.given(agreed(SMS), agreed(EMAIL)).when(text(f" {word.title()}. ")).then_kinds(OptedOut)
    assert status_after(story, SMS) is ConsentStatus.OPTED_OUT
    assert status_after(story, EMAIL) is ConsentStatus.GRANTED
    assert story.produced[0].source is OptOutSource.KEYWORD  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", sorted(START_WORDS))
def test_start_gives_back_what_was_opted_out_of(word: str) -> None:
    story = STORY.given(agreed(SMS), opted_out(SMS)).when(text(word.lower())).then_kinds(ConsentGranted)
    assert status_after(story, SMS) is ConsentStatus.GRANTED


def test_start_does_not_give_back_what_was_revoked() -> None:
    story = STORY.given(agreed(SMS), revoked(SMS, (ALERT,)), opted_out(SMS, (REPORT,)))
    back = story.when(text("START")).then_kinds(ConsentGranted)
    assert status_after(back, SMS, ALERT) is ConsentStatus.REVOKED
    assert status_after(back, SMS, REPORT) is ConsentStatus.GRANTED


def test_start_counts_from_the_verified_number_only() -> None:
    STORY.given(agreed(SMS), opted_out(SMS)).when(text("START", "+15005550009")).then_kinds(InboundSmsReceived)
    STORY.given(opted_out(SMS)).when(text("START")).then_kinds(InboundSmsReceived)


@pytest.mark.parametrize("body", [*sorted(HELP_WORDS), "please stop writing", "", "stop it"])
def test_any_other_text_is_recorded_and_changes_nothing(body: str) -> None:
    STORY.given(agreed(SMS)).when(text(body)).then_kinds(InboundSmsReceived)


def test_a_repeated_stop_is_recorded_as_a_text() -> None:
    STORY.given(opted_out(SMS)).when(text("STOP")).then_kinds(InboundSmsReceived)

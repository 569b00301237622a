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
    STOPS,
    AddressSuppressed,
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
    DAY,
    HOUR,
    NOW,
    PHONE,
    REPORT,
    STORY,
    VERIFICATION,
    agreed,
    asked_for_code,
    bounced,
    opted_out,
    revoked,
    stopped,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL
MINUTE = timedelta(minutes=1)


def grant(phone: str = PHONE, verification: UUID = VERIFICATION, at: datetime = NOW, **more: Any) -> GrantSmsConsent:
    return GrantSmsConsent(at=at, user_id=ADA, verification_id=verification, phone_number=phone, source="web", **more)


def verify(correct: bool = True, at: datetime = NOW + MINUTE, verification: UUID = VERIFICATION) -> VerifyPhone:
    return VerifyPhone(at=at, user_id=ADA, verification_id=verification, correct=correct)


def mail(types: tuple[TriggerType, ...] = ALL_TYPES, address: str = ADDRESS) -> GrantEmailConsent:
    return GrantEmailConsent(at=NOW, user_id=ADA, address=address, message_types=types, source="api")


def text(body: str, phone: str = PHONE, verdict: str = "") -> ReceiveSms:
    return ReceiveSms(at=NOW, user_id=ADA, phone_number=phone, body=body, verdict=verdict)


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
def test_start_gives_back_what_its_stop_took(word: str) -> None:
    story = STORY.given(agreed(SMS), stopped()).when(text(word.lower())).then_kinds(ConsentGranted)
    assert status_after(story, SMS) is ConsentStatus.GRANTED
    granted = story.produced[0]
    assert isinstance(granted, ConsentGranted)
    assert (granted.keyword, granted.source, granted.address, granted.message_types, granted.new_address) == (
        "start",
        "sms_keyword",
        PHONE,
        ALL_TYPES,
        False,
    )


@pytest.mark.parametrize("source", STOPS)
@pytest.mark.parametrize(
    ("taken_back", "status"),
    [
        (revoked(SMS, (ALERT,)), ConsentStatus.REVOKED),
        (opted_out(SMS, (ALERT,)), ConsentStatus.OPTED_OUT),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_start_gives_back_nothing_that_was_withdrawn_by_itself_before_the_stop_or_since(
    taken_back: OptedOut | ConsentRevoked, status: ConsentStatus, before: bool, source: OptOutSource
) -> None:
    withdrawn = (taken_back, stopped(source)) if before else (stopped(source), taken_back)
    story = STORY.given(agreed(SMS), *withdrawn)
    assert {status_after(story, SMS, type_) for type_ in ALL_TYPES} <= {ConsentStatus.OPTED_OUT, status}
    back = story.when(text("START")).then_kinds(ConsentGranted)
    assert status_after(back, SMS, ALERT) is status
    assert status_after(back, SMS, REPORT) is ConsentStatus.GRANTED


def test_start_takes_back_no_opt_out_that_was_not_a_stop() -> None:
    story = STORY.given(agreed(SMS), opted_out(SMS)).when(text("START")).then_kinds(InboundSmsReceived)
    assert status_after(story, SMS) is ConsentStatus.OPTED_OUT


@pytest.mark.parametrize(
    ("before", "status"),
    [((), ConsentStatus.NONE), ((revoked(SMS),), ConsentStatus.REVOKED), ((opted_out(SMS),), ConsentStatus.OPTED_OUT)],
)
def test_start_after_a_stop_that_took_nothing_gives_back_the_state_before(
    before: tuple[Any, ...], status: ConsentStatus
) -> None:
    verified = agreed(SMS, (REPORT,))
    taken = ConsentRevoked(at=NOW, user_id=ADA, channel=SMS, message_types=(REPORT,), reason="")
    story = STORY.given(verified, taken, *before, stopped())
    assert status_after(story, SMS, ALERT) is ConsentStatus.OPTED_OUT
    back = story.when(text("START")).then_kinds(InboundSmsReceived)
    assert status_after(back, SMS, ALERT) is status


def test_an_opt_out_and_a_revocation_are_recorded_below_a_stop() -> None:
    story = STORY.given(agreed(SMS), stopped())
    out = story.when(OptOut(at=NOW, user_id=ADA, wish=Wish.SMS, message_types=(ALERT,))).then_kinds(OptedOut)
    gone = out.when(RevokeConsent(at=NOW, user_id=ADA, channel=SMS, message_types=(REPORT,))).then_kinds(ConsentRevoked)
    back = gone.when(text("START")).then_kinds(ConsentGranted)
    assert [status_after(back, SMS, type_) for type_ in (ALERT, REPORT)] == [
        ConsentStatus.OPTED_OUT,
        ConsentStatus.REVOKED,
    ]


def test_a_stop_is_recorded_above_an_opt_out_from_everything() -> None:
    story = STORY.given(agreed(SMS), opted_out(SMS)).when(text("STOP")).then_kinds(OptedOut)
    story.when(text("STOP")).then_kinds(InboundSmsReceived)


def test_start_counts_from_the_verified_number_only() -> None:
    story = STORY.given(agreed(SMS), stopped()).when(text("START", "+15005550009")).then_kinds(InboundSmsReceived)
    assert status_after(story, SMS) is ConsentStatus.OPTED_OUT
    STORY.given(stopped()).when(text("START")).then_kinds(InboundSmsReceived)


@pytest.mark.parametrize(("given", "heard"), [("+525512345678", "+5215512345678"), ("+5491123456789", "+541123456789")])
def test_a_mexican_and_an_argentine_number_is_one_in_both_its_forms(given: str, heard: str) -> None:
    story = STORY.given(agreed(SMS, address=given), stopped()).when(text("START", heard)).then_kinds(ConsentGranted)
    assert recipient_after(story).sms.address == given
    STORY.given(agreed(SMS, address=given)).when(grant(heard)).then_nothing()


@pytest.mark.parametrize("body", ["ARRET", "", "HELP", "anything"])
def test_the_providers_verdict_counts_whatever_the_word(body: str) -> None:
    story = STORY.given(agreed(SMS)).when(text(body, verdict="STOP")).then_kinds(OptedOut)
    assert status_after(story, SMS) is ConsentStatus.OPTED_OUT
    back = story.when(text(body, verdict="START")).then_kinds(ConsentGranted)
    assert status_after(back, SMS) is ConsentStatus.GRANTED
    back.when(text("START", verdict="HELP")).then_kinds(InboundSmsReceived)


@pytest.mark.parametrize("body", [*sorted(HELP_WORDS), "do not stop writing", "", "when does the sale end?"])
def test_any_other_text_is_recorded_and_changes_nothing(body: str) -> None:
    STORY.given(agreed(SMS)).when(text(body)).then_kinds(InboundSmsReceived)


def test_a_repeated_stop_is_recorded_as_a_text() -> None:
    STORY.given(stopped()).when(text("STOP")).then_kinds(InboundSmsReceived)


def test_a_stop_that_was_searched_for_is_outweighed_by_a_later_word_only() -> None:
    late = OptOut(at=NOW, user_id=ADA, wish=Wish.SMS, source=OptOutSource.KEYWORD, said_at=NOW - DAY)
    STORY.given(agreed(SMS)).when(late).then_kinds(OptedOut)
    STORY.given(agreed(SMS)).when(late.model_copy(update={"said_at": NOW - DAY - HOUR})).then_nothing()
    started = STORY.given(agreed(SMS)).when(text("START")).then_kinds(InboundSmsReceived)
    started.when(late.model_copy(update={"said_at": NOW - HOUR})).then_nothing()
    elsewhere = STORY.given(agreed(SMS)).when(text("START", "+15005550009")).then_kinds(InboundSmsReceived)
    elsewhere.when(late.model_copy(update={"said_at": NOW - HOUR})).then_kinds(OptedOut)


def test_verifying_another_number_ends_the_old_ones_suppression_and_verifying_the_same_does_not() -> None:
    dead = STORY.given(agreed(SMS), bounced(SMS), revoked(SMS, (ALERT,)))
    same = dead.when(grant()).then_kinds(SmsConsentRequested).when(verify())
    same = same.then_kinds(PhoneNumberVerified, ConsentGranted)
    assert recipient_after(same).sms.suppressed == 2
    other = dead.when(grant("+15005550009")).then_kinds(SmsConsentRequested).when(verify())
    other = other.then_kinds(PhoneNumberVerified, ConsentGranted)
    assert recipient_after(other).sms.suppressed == 0


@pytest.mark.parametrize("again", ["ADA@Example.COM", "ada@example.com."])
def test_another_spelling_of_a_mailbox_is_the_same_mailbox(again: str) -> None:
    story = STORY.given(agreed(EMAIL), bounced(EMAIL)).when(mail(address=again)).then_kinds(ConsentGranted)
    assert recipient_after(story).email.suppressed == 2
    assert recipient_after(story).email.address == again
    moved = story.when(mail(address="ada@example.org")).then_kinds(ConsentGranted)
    assert recipient_after(moved).email.suppressed == 0


def test_consent_at_a_mailbox_that_is_known_as_dead_is_recorded_and_suppressed() -> None:
    dead = mail().model_copy(update={"dead": True})
    story = STORY.when(dead).then_kinds(ConsentGranted, AddressSuppressed)
    assert recipient_after(story).email.suppressed == 2
    story.when(mail((REPORT,), "Ada@example.com").model_copy(update={"dead": True})).then_kinds(ConsentGranted)


def test_the_proof_of_an_email_consent_is_recorded_with_it() -> None:
    proof = {"ip": "192.0.2.1", "user_agent": "browser", "text": "I agree", "source": "web"}
    story = STORY.when(mail().model_copy(update=proof)).then_kinds(ConsentGranted)
    granted = story.produced[0]
    assert isinstance(granted, ConsentGranted)
    assert granted.model_dump(include=set(proof)) == proof

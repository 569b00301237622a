"""Verification codes: what they cost, when a number gets one, and what their failure says about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands.communication.consent import (
    CodeNotAllowed,
    CodeOverBudget,
    GrantSmsConsent,
    RecordCodeReceipt,
    RecordCodeSent,
    TooManyCodes,
)
from commands.communication.number import AllowCode
from domain.communication.budget import BudgetUsage, Limits
from domain.communication.consent import AddressReported, OptedOut, SmsConsentRequested, VerificationCodeFailed
from domain.communication.kinds import Channel
from domain.communication.number import CodeAllowed
from domain.messages import Attempt, Result
from streams.testing import Scenario
from tests.commands.communication.people import ADA, ALERT, NOW, STORY, VERIFICATION, agreed, asked_for_code, revoked
from tests.commands.communication.test_consent import grant

SMS = Channel.SMS


def test_a_code_costs_and_is_refused_when_it_does_not_fit_the_budget() -> None:
    limits = Limits(daily=10_000_000, monthly=100_000_000)

    def asking(daily: int, monthly: int = 0) -> GrantSmsConsent:
        usage = BudgetUsage(day=NOW.date(), daily=daily, monthly=monthly)
        return grant(cost=5_000_000, usage=usage, limits=limits)

    story = STORY.when(asking(5_000_000)).then_kinds(SmsConsentRequested)
    assert story.produced[0].cost == 5_000_000  # type: ignore[attr-defined]
    STORY.when(asking(5_000_001)).then_refused(CodeOverBudget)
    STORY.when(asking(0, 95_000_001)).then_refused(CodeOverBudget)


def test_a_code_that_was_not_allowed_is_refused_and_consent_that_stands_needs_none() -> None:
    STORY.when(grant(allowed=False)).then_refused(CodeNotAllowed)
    STORY.given(agreed(SMS)).when(grant(allowed=False)).then_nothing()


@pytest.mark.parametrize(("result", "refund"), [(Result.REJECTED, 5_000_000), (Result.UNCONFIRMED, 0)])
def test_the_cost_of_a_code_that_was_refused_is_given_back(result: Result, refund: int) -> None:
    attempt = Attempt(result=result, number=1, provider="twilio")
    reply = RecordCodeSent(at=NOW, user_id=ADA, verification_id=VERIFICATION, attempt=attempt)
    asked = STORY.when(grant(cost=5_000_000)).then_kinds(SmsConsentRequested)
    failed = asked.when(reply).then_kinds(VerificationCodeFailed).produced[0]
    assert isinstance(failed, VerificationCodeFailed)
    assert (failed.refund, failed.day) == (refund, NOW.date())


def test_a_permanent_code_says_the_same_of_a_number_that_waits_for_its_code() -> None:
    attempt = Attempt(result=Result.REJECTED, number=1, provider="twilio", code="21614")
    reply = RecordCodeSent(at=NOW, user_id=ADA, verification_id=VERIFICATION, attempt=attempt)
    STORY.given(asked_for_code()).when(reply).then_kinds(VerificationCodeFailed, AddressReported)
    late = RecordCodeReceipt(at=NOW, user_id=ADA, verification_id=VERIFICATION, code="21610")
    STORY.given(asked_for_code()).when(late).then_kinds(VerificationCodeFailed, AddressReported)
    STORY.given(asked_for_code()).when(late.model_copy(update={"code": "30003"})).then_kinds(VerificationCodeFailed)
    again = STORY.given(agreed(SMS), revoked(SMS, (ALERT,)), asked_for_code())
    again.when(late).then_kinds(VerificationCodeFailed, OptedOut, AddressReported)
    STORY.when(late).then_nothing()


def number_allows(*seconds: float) -> Scenario:
    """The number after codes so many seconds before now."""
    allowed = [CodeAllowed(at=NOW - timedelta(seconds=s), number="ab", verification_id=VERIFICATION) for s in seconds]
    return STORY.given(*allowed)


def test_a_number_gets_five_codes_an_hour_whoever_asks_and_none_right_after_another() -> None:
    ask = AllowCode(at=NOW, number="ab", verification_id=VERIFICATION)
    STORY.when(ask).then(CodeAllowed(at=NOW, number="ab", verification_id=VERIFICATION))
    number_allows(29.9).when(ask).then_refused(TooManyCodes)
    number_allows(30).when(ask).then_kinds(CodeAllowed)
    number_allows(3599, 400, 300, 200, 100).when(ask).then_refused(TooManyCodes)
    number_allows(3600, 400, 300, 200, 100).when(ask).then_kinds(CodeAllowed)

"""Money counted, set aside and given back."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from commands.communication.budget import RecordSpending, ReserveBudget
from domain.communication.budget import BudgetReserved, BudgetSpent, BudgetThresholdReached, BudgetUsage, Limits, Period
from streams.testing import Scenario
from tests.commands.communication.people import ADA, DAY, MESSAGE, NOW, STORY

LIMITS = Limits(daily=100, monthly=1000)
TODAY = NOW.date()


def reserve(amount: int, limits: Limits = LIMITS) -> ReserveBudget:
    return ReserveBudget(at=NOW, message_id=MESSAGE, user_id=ADA, amount=amount, limits=limits)


def spend(amount: int, day: date = TODAY, limits: Limits | None = LIMITS) -> RecordSpending:
    return RecordSpending(at=NOW, message_id=MESSAGE, day=day, amount=amount, limits=limits)


def spent(amount: int, day: date = TODAY) -> BudgetSpent:
    return BudgetSpent(at=NOW, message_id=UUID(int=9), day=day, amount=amount)


def reserved(story: Scenario) -> BudgetReserved:
    event = story.produced[0]
    assert isinstance(event, BudgetReserved)
    return event


def test_what_fits_is_set_aside_and_counts_from_then_on() -> None:
    story = STORY.given(spent(20)).when(reserve(50)).then_kinds(BudgetReserved)
    assert (reserved(story).amount, reserved(story).usage) == (50, BudgetUsage(day=TODAY, daily=20, monthly=20))
    again = story.when(reserve(20)).then_kinds(BudgetReserved, BudgetThresholdReached)
    assert reserved(again).usage.daily == 70


def test_what_does_not_fit_is_not_set_aside() -> None:
    story = STORY.given(spent(60)).when(reserve(50)).then_kinds(BudgetReserved)
    assert reserved(story).amount == 0
    assert reserved(story.when(reserve(10)).then_kinds(BudgetReserved)).usage.daily == 60


def test_yesterday_counts_for_the_month_only() -> None:
    story = STORY.given(spent(60, TODAY - DAY)).when(reserve(50)).then_kinds(BudgetReserved)
    assert reserved(story).usage == BudgetUsage(day=TODAY, daily=0, monthly=60)


def test_a_month_has_a_stream_of_its_own() -> None:
    assert spend(1, date(2025, 1, 31)).month == "2025-01"
    assert spend(1, date(2025, 2, 1)).month == "2025-02"
    assert reserve(1).month == "2025-01"
    assert {reserve(1).key, spend(1).key} == {"budget"}


def test_a_threshold_is_put_on_record_once_a_period() -> None:
    story = STORY.when(spend(80)).then_kinds(BudgetSpent, BudgetThresholdReached)
    threshold = story.produced[1]
    assert isinstance(threshold, BudgetThresholdReached)
    assert (threshold.period, threshold.start, threshold.percent) == (Period.DAILY, TODAY, 80)
    story = story.when(spend(-10, limits=None)).then_kinds(BudgetSpent)
    story = story.when(spend(15)).then_kinds(BudgetSpent)
    story.when(spend(15)).then_kinds(BudgetSpent, BudgetThresholdReached)


def test_one_amount_may_cross_several_thresholds() -> None:
    story = STORY.when(spend(1000)).then_kinds(BudgetSpent, *[BudgetThresholdReached] * 4)
    starts = {event.start for event in story.produced if isinstance(event, BudgetThresholdReached)}
    assert starts == {TODAY, TODAY.replace(day=1)}


def test_money_given_back_is_there_to_be_spent_again() -> None:
    story = STORY.given(spent(100)).when(spend(-40, limits=None)).then_kinds(BudgetSpent)
    assert reserved(story.when(reserve(40)).then_kinds(BudgetReserved, *[BudgetThresholdReached] * 2)).amount == 40


def test_the_day_after_the_limit_starts_from_nothing() -> None:
    tomorrow = ReserveBudget(at=NOW + timedelta(days=1), message_id=MESSAGE, user_id=ADA, amount=50, limits=LIMITS)
    assert reserved(STORY.given(spent(100)).when(tomorrow).then_kinds(BudgetReserved)).amount == 50

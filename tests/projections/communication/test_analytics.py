"""The formulas, with the document's own figures."""

from __future__ import annotations

from datetime import date

import pytest

from domain.communication.budget import BudgetUsage, Limits
from domain.communication.delivery import DeliveryStatus
from domain.money import DOLLAR
from projections.communication.daily import TALLIES, moved
from projections.communication.queries.advice import alerts, budget_percent, recommendations
from projections.communication.queries.analytics import Totals, overall, trend_of

SMS = Totals(sent=800, delivered=784, acted=280, cost=40 * DOLLAR)
EMAIL = Totals(sent=700, delivered=637, opened=382, clicked=127, acted=178, cost=70_000_000)
DAY = date(2025, 1, 27)


def test_the_documents_figures_come_out() -> None:
    assert (SMS.delivery_rate, EMAIL.delivery_rate) == (0.98, 0.91)
    assert (round(SMS.action_rate, 3), round(EMAIL.action_rate, 3)) == (0.357, 0.279)
    whole = Totals(sent=1500, delivered=1425, opened=855, clicked=285, acted=342, cost=SMS.cost + EMAIL.cost)
    assert (whole.delivery_rate, whole.open_rate, whole.click_rate, whole.action_rate) == (0.95, 0.6, 0.2, 0.24)
    assert (whole.engagement_rate, round(whole.cost_per_message, 3), round(whole.cost_per_engagement, 3)) == (
        0.228,
        0.027,
        0.119,
    )


def test_the_whole_is_the_sum_of_its_parts() -> None:
    assert overall({"sms": SMS, "email": EMAIL}) == Totals(  # type: ignore[dict-item]
        sent=1500, delivered=1421, opened=382, clicked=127, acted=458, cost=40 * DOLLAR + 70_000_000
    )


def test_a_trend_goes_from_the_first_to_the_last_period_in_which_anything_was_sent() -> None:
    rates = [(0, 0), (96, 100), (94, 100), (97, 100), (0, 0)]
    periods = [(DAY.replace(day=n + 1), Totals(sent=s, delivered=d)) for n, (d, s) in enumerate(rates)]
    trend = trend_of("delivery_rate", periods)
    assert (trend.trend, trend.change_percentage) == ("increasing", 1.04)
    assert [value for _, value in trend.points] == [0.0, 0.96, 0.94, 0.97, 0.0]


def test_the_documents_recommendations_come_out() -> None:
    email = EMAIL._replace(acted=300)
    assert recommendations(SMS, email) == [
        "SMS has higher delivery rate - consider for critical communications",
        "Email has higher engagement - consider for educational content",
    ]


def test_nothing_is_recommended_on_little_evidence_or_little_difference() -> None:
    assert recommendations(Totals(sent=19, delivered=1), Totals(sent=500, delivered=500)) == []
    assert recommendations(SMS, SMS) == []


def test_a_channel_that_does_not_deliver_is_pointed_out() -> None:
    assert recommendations(Totals(), Totals(sent=20, delivered=10)) == [
        "Email delivers only 50% - review its addresses"
    ]


@pytest.mark.parametrize(("spent", "percent"), [(0, 0.0), (40_70_000_000, 40.7), (250 * DOLLAR, 250.0)])
def test_a_budgets_use_is_told_in_percent(spent: int, percent: float) -> None:
    assert budget_percent(spent, 100 * DOLLAR) == percent


def test_without_a_budget_everything_spent_is_all_of_it() -> None:
    assert (budget_percent(0, 0), budget_percent(1, 0)) == (0.0, 100.0)


@pytest.mark.parametrize(("daily", "level"), [(79, None), (80, "warning"), (100, "critical")])
def test_an_alert_is_raised_at_the_stated_thresholds(daily: int, level: str | None) -> None:
    found = alerts(BudgetUsage(day=DAY, daily=daily), Limits(daily=100), Totals())
    assert [alert.level for alert in found] == ([level] if level else [])


def test_messages_that_nobody_knows_the_fate_of_raise_an_alert() -> None:
    (alert,) = alerts(BudgetUsage(day=DAY), Limits(), Totals(unconfirmed=2))
    assert alert.type == "unconfirmed"


@pytest.mark.parametrize("before", DeliveryStatus)
@pytest.mark.parametrize("after", DeliveryStatus)
def test_moving_on_changes_the_counters_by_the_difference(before: DeliveryStatus, after: DeliveryStatus) -> None:
    counts = dict(TALLIES[before])
    for name, change in moved(before, after).items():
        counts[name] = counts.get(name, 0) + change
    assert {name: count for name, count in counts.items() if count} == TALLIES[after]

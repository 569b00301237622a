"""Analytics and reports: every figure equals a recount from the log, on every day, without gaps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.communication.product import Served, serving
from tests.api.communication.reports import SECRETS, resend_hmac

COUNTED = {"sent": "sent", "delivered": "delivered", "opened": "opened", "clicked": "clicked", "action_taken": "acted"}
DAYS = 6


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """Six days of messages, with a day of none among them, opened, clicked and acted upon by some."""
    with serving(**SECRETS, HEADWATER_DAILY_BUDGET="2", HEADWATER_MONTHLY_BUDGET="5") as served:
        users = [served.new_user() for _ in range(4)]
        for user_id in users:
            served.agree(user_id)
        for day in range(DAYS):
            _one_day(served, users, day)
            served.advance(timedelta(days=1))
        yield served


def _one_day(product: Served, users: list[int], day: int) -> None:
    """More each day, and none on the third."""
    for number in range(0 if day == 2 else 3 * (day + 1)):
        channel = ("sms", "email", "both")[number % 3]
        sent = product.send(users[number % 4], "financial_alert", channel=channel, priority="critical")
        product.settle()
        result = product.status(sent["task_id"])["result"]
        if number % 4 == 3:
            product.ok("POST", f"/status/{sent['task_id']}/action", {"action": "viewed_forecast"})
        if result["channel"] == "email" and number % 2:
            for type_ in ("email.opened", "email.clicked")[: number % 4]:
                report = resend_hmac({"type": type_, "id": result["message_id"]})
                assert product.api.post("/webhooks/resend", content=report.content, headers=report.headers).is_success


def recount(product: Served, start: date = date.min, end: date = date.max) -> dict[str, Counter[str]]:
    """The counters by channel, from the log alone: each delivery counts for the day it was dispatched on."""
    rows = product.ask(
        "select name, convert_from(data, 'UTF8') from headwater.journal where name like %s order by at",
        "communication.message.%",
    )
    counts = {"sms": Counter[str](), "email": Counter[str]()}
    for name, data in rows:
        fact = json.loads(data)
        if "channel" not in fact or "day" not in fact or not start <= date.fromisoformat(fact["day"]) <= end:
            continue
        kind = name.split(".")[2]
        if kind in COUNTED:
            counts[fact["channel"]][COUNTED[kind]] += 1
        elif kind == "dispatched":
            counts[fact["channel"]]["cost"] += fact["cost"]
    return counts


def rate(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def dollars(microcents: int) -> float:
    return microcents / 100_000_000


def first_day(product: Served) -> date:
    """The day on which it all began."""
    return product.clock.now().date() - timedelta(days=DAYS)


def ranges(product: Served) -> list[tuple[date, date]]:
    """Single days, a stretch, everything, and days before and after it all."""
    days = [first_day(product) + timedelta(days=number) for number in range(-1, DAYS + 1)]
    return [*((day, day) for day in days), (days[2], days[4]), (days[0], days[-1])]


def test_the_summary_equals_a_recount_on_every_day(product: Served) -> None:
    for start, end in ranges(product):
        summary = product.ok("GET", f"/analytics/summary?start_date={start}&end_date={end}")["summary"]
        counts = recount(product, start, end)
        both = counts["sms"] + counts["email"]
        assert summary == {
            "total_sent": both["sent"],
            "total_delivered": both["delivered"],
            "total_opened": both["opened"],
            "total_clicked": both["clicked"],
            "total_actions": both["acted"],
            "delivery_rate": rate(both["delivered"], both["sent"]),
            "open_rate": rate(both["opened"], both["delivered"]),
            "click_rate": rate(both["clicked"], both["delivered"]),
            "action_rate": rate(both["acted"], both["delivered"]),
            "sms_sent": counts["sms"]["sent"],
            "email_sent": counts["email"]["sent"],
            "sms_delivery_rate": rate(counts["sms"]["delivered"], counts["sms"]["sent"]),
            "email_delivery_rate": rate(counts["email"]["delivered"], counts["email"]["sent"]),
        }


def test_days_add_up_to_the_whole(product: Served) -> None:
    days = [first_day(product) + timedelta(days=number) for number in range(DAYS)]
    each = [product.ok("GET", f"/analytics/summary?start_date={day}&end_date={day}")["summary"] for day in days]
    whole = product.ok("GET", "/analytics/summary")["summary"]
    for name in (
        "total_sent",
        "total_delivered",
        "total_opened",
        "total_clicked",
        "total_actions",
        "sms_sent",
        "email_sent",
    ):
        assert sum(day[name] for day in each) == whole[name] > 0
    assert [day["total_sent"] for day in each] == [4, 8, 0, 16, 20, 24]


def test_open_ends_reach_as_far_as_there_is_anything(product: Served) -> None:
    middle = first_day(product) + timedelta(days=3)
    before = product.ok("GET", f"/analytics/summary?end_date={middle - timedelta(days=1)}")["summary"]["total_sent"]
    after = product.ok("GET", f"/analytics/summary?start_date={middle}")["summary"]["total_sent"]
    assert before + after == product.ok("GET", "/analytics/summary")["summary"]["total_sent"]


def test_a_range_that_ends_before_it_begins_is_400(product: Served) -> None:
    for path in (
        "/analytics/summary",
        "/analytics/channel-effectiveness",
        "/analytics/cost-tracking",
        "/reports/performance",
    ):
        answer = product.api.get(f"{path}?start_date=2026-01-02&end_date=2026-01-01")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("Invalid end_date")


def test_channels_are_compared_by_their_own_figures(product: Served) -> None:
    found = product.ok("GET", "/analytics/channel-effectiveness")
    for channel, counts in recount(product).items():
        shown = found[channel]
        cost = dollars(counts["cost"])
        assert shown["channel"] == channel
        assert shown["total_sent"] == counts["sent"]
        assert shown["total_cost"] == pytest.approx(cost)
        assert shown["cost_per_message"] == rate(cost, counts["sent"])
        assert shown["engagement_rate"] == rate(counts["acted"], counts["delivered"])
    assert found["email"]["open_rate"] == rate(recount(product)["email"]["opened"], found["email"]["total_sent"])
    assert all(isinstance(advice, str) for advice in found["recommendations"])


def test_costs_add_up_and_budgets_are_told_in_percent(product: Served) -> None:
    found = product.ok("GET", "/analytics/cost-tracking")
    analysis, counts = found["cost_analysis"], recount(product)
    assert analysis["sms_cost"] + analysis["email_cost"] == pytest.approx(analysis["total_cost"])
    assert analysis["total_cost"] == pytest.approx(dollars(sum(one["cost"] for one in counts.values())))
    assert (analysis["daily_budget"], analysis["monthly_budget"]) == (2.0, 5.0)
    today = recount(product, product.clock.now().date(), product.clock.now().date())
    assert analysis["daily_budget_usage"] == round(dollars(sum(one["cost"] for one in today.values())) / 2 * 100, 2)
    codes = 4 * 0.05  # budgets count the texts with verification codes too
    assert analysis["monthly_budget_usage"] == pytest.approx((analysis["total_cost"] + codes) / 5 * 100, abs=0.01)
    assert analysis["roi_analysis"]["total_communications"] == sum(one["sent"] for one in counts.values())


def test_the_report_of_performance_can_be_of_one_channel(product: Served) -> None:
    counts = recount(product)
    both = counts["sms"] + counts["email"]
    whole = product.ok("GET", "/reports/performance")["performance"]
    assert whole["delivery_rates"]["overall"] == rate(both["delivered"], both["sent"])
    for channel, other in (("sms", "email"), ("email", "sms")):
        of_one = product.ok("GET", f"/reports/performance?channel={channel}")["performance"]
        assert of_one["delivery_rates"]["overall"] == of_one["delivery_rates"][channel]
        assert of_one["delivery_rates"][channel] == whole["delivery_rates"][channel]
        assert of_one["delivery_rates"][other] == 0
        assert of_one["cost_metrics"]["total_cost"] == pytest.approx(dollars(counts[channel]["cost"]))
    assert product.api.get("/reports/performance?channel=both").status_code == 400


def test_the_dashboard_shows_every_day_of_thirty(product: Served) -> None:
    dashboard = product.ok("GET", "/reports/dashboard")["dashboard"]
    counts = recount(product)
    for channel, shown in dashboard["channel_performance"].items():
        one = counts[channel]
        assert shown == {"sent": one["sent"], "delivered": one["delivered"], "engaged": one["acted"]}
    assert dashboard["overview"]["total_communications"] == sum(one["sent"] for one in counts.values())
    for name in ("daily_sent", "daily_delivered", "daily_engaged"):
        assert len(dashboard["trends"][name]) == 30
    assert dashboard["trends"]["daily_sent"][-7:] == [4, 8, 0, 16, 20, 24, 0]


@pytest.mark.parametrize("metric", ["delivery_rate", "engagement_rate", "cost"])
def test_a_trend_has_a_value_for_every_day(product: Served, metric: str) -> None:
    today = product.clock.now().date()
    trends = product.ok("GET", f"/reports/trends?metric={metric}&days=10")["trends"]
    assert [point["date"] for point in trends["data"]] == [str(today - timedelta(days=9 - n)) for n in range(10)]
    assert (trends["metric"], trends["period"]) == (metric, "daily")
    for point in trends["data"]:
        day = date.fromisoformat(point["date"])
        counts = recount(product, day, day)
        both = counts["sms"] + counts["email"]
        expected = {
            "delivery_rate": rate(both["delivered"], both["sent"]),
            "engagement_rate": rate(both["acted"], both["sent"]),
            "cost": dollars(both["cost"]),
        }
        assert point["value"] == pytest.approx(expected[metric])


def test_a_trend_of_costs_is_told_from_its_first_to_its_last_day(product: Served) -> None:
    trends = product.ok("GET", "/reports/trends?metric=cost&days=30")["trends"]
    values = [point["value"] for point in trends["data"] if point["value"]]
    assert trends["trend"] == "increasing"
    assert trends["change_percentage"] == round((values[-1] - values[0]) / values[0] * 100, 2)


def test_weeks_begin_on_monday_and_months_on_their_first(product: Served) -> None:
    total = product.ok("GET", "/reports/trends?metric=cost&days=60")["trends"]["data"]
    for period in ("weekly", "monthly"):
        data = product.ok("GET", f"/reports/trends?metric=cost&days=60&period={period}")["trends"]["data"]
        days = [date.fromisoformat(point["date"]) for point in data]
        assert all(day.weekday() == 0 if period == "weekly" else day.day == 1 for day in days)
        assert days == sorted(set(days))
        assert sum(point["value"] for point in data) == pytest.approx(sum(point["value"] for point in total))


@pytest.mark.parametrize("query", ["metric=x", "period=yearly", "days=0", "days=-1", "days=731", "days=1.5", "days="])
def test_a_trend_that_does_not_exist_is_400(product: Served, query: str) -> None:
    assert product.api.get(f"/reports/trends?{query}").status_code == 400


def test_a_users_own_figures_are_over_all_that_was_sent_to_them(product: Served) -> None:
    user_id = product.new_user()
    product.agree(user_id)
    tasks = [product.send(user_id, "financial_alert", priority="critical")["task_id"] for _ in range(3)]
    product.settle()
    acted = {"action": "viewed_forecast"}
    for _ in range(2):
        product.ok("POST", f"/status/{tasks[0]}/action", acted)
    found = product.ok("GET", f"/analytics/user/{user_id}")["engagement_metrics"]
    assert (found["total_communications"], found["delivery_rate"], found["action_rate"]) == (3, 1.0, 0.3333)
    assert [one["action_taken"] for one in found["recent_communications"]].count("viewed_forecast") == 1
    assert product.api.post(f"/status/{tasks[0]}/action", json=acted | {"channel": "email"}).status_code == 400
    assert product.api.post(f"/status/{tasks[0]}/action", json={"action": ""}).status_code == 400
    assert product.api.post(f"/status/{tasks[0][:-4]}0000/action", json=acted).status_code == 404


def test_a_user_without_messages_has_zeros(product: Served) -> None:
    found = product.ok("GET", f"/analytics/user/{product.new_user()}")["engagement_metrics"]
    assert found == {
        "total_communications": 0,
        "delivery_rate": 0.0,
        "open_rate": 0.0,
        "click_rate": 0.0,
        "action_rate": 0.0,
        "recent_communications": [],
    }


def test_a_budget_that_runs_out_refuses_warns_and_is_on_record_once() -> None:
    with serving(HEADWATER_DAILY_BUDGET="0.5", HEADWATER_MONTHLY_BUDGET="1") as product:
        user_id = product.new_user()
        product.agree(user_id)
        assert cost_alerts(product) == []
        for _ in range(7):  # the code has cost as much as each of them
            spend(product, user_id)
        assert cost_alerts(product) == [("daily_budget", "warning")]
        spend(product, user_id)
        spend(product, user_id)
        assert cost_alerts(product) == [("daily_budget", "critical")]
        body = {"user_id": user_id, "trigger_type": "financial_alert", "data": {}, "channel": "sms"}
        refused = product.api.post("/send", json=body).json()
        assert refused["details"]["reason"] == "daily_budget_exceeded"
        product.advance(timedelta(days=1))
        spend(product, user_id)
        assert cost_alerts(product) == []
        thresholds = product.ask("select period, percent from read_models.communication_budget_thresholds order by 2")
        assert thresholds == [("daily", 80), ("daily", 100)]


def test_the_use_of_a_budget_covers_what_was_sent_a_moment_ago() -> None:
    with serving(HEADWATER_DAILY_BUDGET="0.5", HEADWATER_MONTHLY_BUDGET="1") as product:
        user_id = product.new_user()
        product.agree(user_id)
        assert budget_usage(product) == (10.0, 5.0)  # the code
        product.send(user_id, "financial_alert", channel="sms")
        product.settle()
        assert budget_usage(product) == (20.0, 10.0)


def budget_usage(product: Served) -> tuple[float, float]:
    """Percent of the day's and of the month's."""
    analysis = product.ok("GET", "/analytics/cost-tracking")["cost_analysis"]
    return analysis["daily_budget_usage"], analysis["monthly_budget_usage"]


def spend(product: Served, user_id: int) -> None:
    """Five cents."""
    product.send(user_id, "financial_alert", channel="sms")
    product.advance(timedelta(seconds=1))  # what is spent is read once a second


def cost_alerts(product: Served) -> list[tuple[str, str]]:
    alerts: list[dict[str, Any]] = product.ok("GET", "/analytics/cost-tracking")["alerts"]
    return [(alert["type"], alert["level"]) for alert in alerts]

"""Recommendations and alerts from the counters, each by a stated rule."""

from __future__ import annotations

from typing import NamedTuple

from domain.communication.budget import THRESHOLDS, BudgetUsage, Limits
from domain.money import dollars
from projections.communication.queries.analytics import Totals

ENOUGH = 20
"""The fewest sent messages for which a channel's rates count."""

POOR_DELIVERY = 0.9
NOTABLE = 0.01


class Alert(NamedTuple):
    """An alert. `level` is warning or critical."""

    type: str
    level: str
    message: str


def recommendations(sms: Totals, email: Totals) -> list[str]:
    """Recommendations from a comparison of the channels, if each has sent at least ENOUGH messages.

    - For critical messages: the channel whose delivery rate is higher by NOTABLE or more.
    - For education: the channel whose engagement rate (acted / delivered) is higher by NOTABLE or more.
    - A review of the addresses of a channel that delivers less than POOR_DELIVERY of its sent messages.
    """
    advice: list[str] = []
    if min(sms.sent, email.sent) >= ENOUGH:
        advice += _better("delivery rate", "critical communications", sms.delivery_rate, email.delivery_rate)
        advice += _better("engagement", "educational content", sms.action_rate, email.action_rate)
    for name, totals in (("SMS", sms), ("Email", email)):
        if totals.sent >= ENOUGH and totals.delivery_rate < POOR_DELIVERY:
            advice.append(f"{name} delivers only {totals.delivery_rate:.0%} - review its addresses")
    return advice


def _better(what: str, use: str, sms: float, email: float) -> list[str]:
    if abs(sms - email) < NOTABLE:
        return []
    return [f"{'SMS' if sms > email else 'Email'} has higher {what} - consider for {use}"]


def budget_percent(spent: int, limit: int) -> float:
    """The used percentage of a budget, to two decimals; 100 for spending without a budget."""
    if limit <= 0:
        return 100.0 if spent > 0 else 0.0
    return round(spent / limit * 100, 2)


def alerts(usage: BudgetUsage, limits: Limits, totals: Totals) -> list[Alert]:
    """The alerts: a warning at 80 % of a budget, critical at 100 %; a warning if less than POOR_DELIVERY of at least
    ENOUGH messages arrived; a warning while messages are unconfirmed."""
    found = [
        *_budget_alert("daily", usage.daily, limits.daily),
        *_budget_alert("monthly", usage.monthly, limits.monthly),
    ]
    if totals.sent >= ENOUGH and totals.delivery_rate < POOR_DELIVERY:
        found.append(Alert("delivery_rate", "warning", f"Only {totals.delivery_rate:.0%} of messages were delivered"))
    if totals.unconfirmed:
        found.append(Alert("unconfirmed", "warning", f"{totals.unconfirmed} messages may or may not have gone out"))
    return found


def _budget_alert(period: str, spent: int, limit: int) -> list[Alert]:
    percent = budget_percent(spent, limit)
    if percent < THRESHOLDS[0]:
        return []
    level = "critical" if percent >= THRESHOLDS[-1] else "warning"
    text = f"{percent:g} % of the {period} budget of {dollars(limit):.2f} is used"
    return [Alert(f"{period}_budget", level, text)]

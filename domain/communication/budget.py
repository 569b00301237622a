"""What may be spent in a day and in a month (UTC), over all recipients.

Money counts from the moment a message is dispatched (or reserved, just before) until a provider rejects it, which
gives it back. One stream per month, `budget/2025-01`, all under the key `budget`.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event
from domain.money import DOLLAR, Microcents

THRESHOLDS = (80, 100)
"""Percentages of a budget at which its use is put on record, once a period each."""


class Limits(BaseModel):
    """The budgets, as configured when a message was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    daily: Microcents = 100 * DOLLAR
    monthly: Microcents = 3000 * DOLLAR


class BudgetUsage(BaseModel):
    """What had been spent or reserved before, on `day` and in its month, as known to the one who asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    daily: Microcents = 0
    monthly: Microcents = 0


class Period(StrEnum):
    DAILY = "daily"
    MONTHLY = "monthly"


class BudgetReserved(Event, name="communication.budget.reserved.v1"):
    """Set aside for a message about to be sent: `amount`, or 0 if it did not fit. `usage` is what stood before."""

    message_id: UUID
    user_id: int
    amount: Microcents
    usage: BudgetUsage


class BudgetSpent(Event, name="communication.budget.spent.v1"):
    """Spent on a message beyond what was reserved, or, when negative, given back."""

    message_id: UUID
    day: date
    amount: Microcents


class BudgetThresholdReached(Event, name="communication.budget.threshold_reached.v1"):
    """`percent` of the period's budget is used, for the first time in it. `start` is the period's first day."""

    period: Period
    start: date
    percent: int
    spent: Microcents
    limit: Microcents


BudgetEvent = BudgetReserved | BudgetSpent | BudgetThresholdReached


class Budget(BaseModel):
    """One month: what is spent by day, and which thresholds have been put on record."""

    model_config = ConfigDict(frozen=True)

    days: dict[date, Microcents] = {}
    month: Microcents = 0
    reached: frozenset[tuple[Period, date, int]] = frozenset()

    def usage(self, day: date) -> BudgetUsage:
        return BudgetUsage(day=day, daily=self.days.get(day, 0), monthly=self.month)


def evolve(budget: Budget, event: BudgetEvent) -> Budget:
    """The budget after the event."""
    match event:
        case BudgetReserved():
            return _moved(budget, event.usage.day, event.amount)
        case BudgetSpent():
            return _moved(budget, event.day, event.amount)
        case BudgetThresholdReached():
            reached = budget.reached | {(event.period, event.start, event.percent)}
            return budget.model_copy(update={"reached": reached})
        case _:
            assert_never(event)


def _moved(budget: Budget, day: date, amount: Microcents) -> Budget:
    days = budget.days | {day: budget.days.get(day, 0) + amount}
    return budget.model_copy(update={"days": days, "month": budget.month + amount})


def fits(usage: BudgetUsage, limits: Limits, cost: Microcents) -> Period | None:
    """The period whose budget the cost would exceed; None when it fits both."""
    if usage.daily + cost > limits.daily:
        return Period.DAILY
    if usage.monthly + cost > limits.monthly:
        return Period.MONTHLY
    return None

"""The budget for messages per day and per month (UTC), over all recipients.

Money counts from the dispatch of a message (or its reservation just before). A provider's rejection gives it back. One
stream per month, `budget/2025-01`, all under the key `budget`.
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
"""Percentages of a budget whose first crossing in a period is recorded."""


class Limits(BaseModel):
    """The limits that were configured when a message was requested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    daily: Microcents = 100 * DOLLAR
    monthly: Microcents = 3000 * DOLLAR


class BudgetUsage(BaseModel):
    """Amounts spent or reserved before, on `day` and in its month, as far as the caller knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    daily: Microcents = 0
    monthly: Microcents = 0


class Period(StrEnum):
    DAILY = "daily"
    MONTHLY = "monthly"


class BudgetReserved(Event, name="communication.budget.reserved.v1", subject="user_id"):
    """Money set aside for a message: `amount`, or 0 if it did not fit. `usage` is the state before."""

    message_id: UUID
    user_id: int
    amount: Microcents
    usage: BudgetUsage


class BudgetSpent(Event, name="communication.budget.spent.v1"):
    """Money spent on a message beyond its reservation; a negative amount is given back."""

    message_id: UUID
    day: date
    amount: Microcents


class BudgetThresholdReached(Event, name="communication.budget.threshold_reached.v1"):
    """The first crossing of `percent` of a period's budget. `start` is the period's first day."""

    period: Period
    start: date
    percent: int
    spent: Microcents
    limit: Microcents


BudgetEvent = BudgetReserved | BudgetSpent | BudgetThresholdReached


class Budget(BaseModel):
    """The budget of one month: amounts by day, and the thresholds recorded so far."""

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
    """The period whose limit the cost would exceed; None if it fits both."""
    if usage.daily + cost > limits.daily:
        return Period.DAILY
    if usage.monthly + cost > limits.monthly:
        return Period.MONTHLY
    return None

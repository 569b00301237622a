"""The budget: recording of spending, and reservations for messages about to be sent.

These commands share the key `budget`, so they are decided one after the other over all recipients.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from domain.communication.budget import (
    THRESHOLDS,
    Budget,
    BudgetReserved,
    BudgetSpent,
    BudgetThresholdReached,
    Limits,
    Period,
    fits,
)
from domain.messages import Command, Event
from domain.money import Microcents

KEY = "budget"


class BudgetCommand(Command):
    """A command about the money of one UTC day, `spent_on`."""

    @property
    def key(self) -> str:
        return KEY

    @property
    def month(self) -> str:
        """The stream's id."""
        return f"{self.spent_on:%Y-%m}"

    @property
    def spent_on(self) -> date:
        return self.at.date()


class ReserveBudget(BudgetCommand, name="communication.budget.reserve.v1", subject="user_id"):
    """Reserve the planned cost of a message, today, if it fits; the result goes to DispatchMessage."""

    message_id: UUID
    user_id: int
    amount: Microcents
    limits: Limits


class RecordSpending(BudgetCommand, name="communication.budget.record_spending.v1"):
    """Record money spent on `day` beyond the reservation, or given back (negative: without limits)."""

    message_id: UUID
    day: date
    amount: Microcents
    limits: Limits | None = None

    @property
    def spent_on(self) -> date:
        return self.day


def reserve(command: ReserveBudget, budget: Budget) -> Sequence[Event]:
    usage = budget.usage(command.spent_on)
    amount = command.amount if fits(usage, command.limits, command.amount) is None else 0
    reserved = BudgetReserved(
        at=command.at, message_id=command.message_id, user_id=command.user_id, amount=amount, usage=usage
    )
    return [reserved, *_thresholds(command, budget, amount, command.limits)]


def spend(command: RecordSpending, budget: Budget) -> Sequence[Event]:
    spent = BudgetSpent(at=command.at, message_id=command.message_id, day=command.day, amount=command.amount)
    if command.limits is None:
        return [spent]
    return [spent, *_thresholds(command, budget, command.amount, command.limits)]


def _thresholds(command: BudgetCommand, budget: Budget, amount: Microcents, limits: Limits) -> list[Event]:
    usage, day = budget.usage(command.spent_on), command.spent_on
    periods = (
        (Period.DAILY, day, usage.daily + amount, limits.daily),
        (Period.MONTHLY, day.replace(day=1), usage.monthly + amount, limits.monthly),
    )
    return [
        BudgetThresholdReached(at=command.at, period=period, start=start, percent=percent, spent=spent, limit=limit)
        for period, start, spent, limit in periods
        for percent in THRESHOLDS
        if spent * 100 >= limit * percent and (period, start, percent) not in budget.reached
    ]

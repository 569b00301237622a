"""Keeping count of what is spent, and setting money aside for messages that are about to be sent.

These commands share the key `budget`: they are decided one after the other, whoever the recipients are.
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
    """What concerns the money spent on one day, `day` (UTC)."""

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


class ReserveBudget(BudgetCommand, name="communication.budget.reserve.v1"):
    """Set the planned cost of a message aside, today, if it fits; what it comes to goes to DispatchMessage."""

    message_id: UUID
    user_id: int
    amount: Microcents
    limits: Limits


class RecordSpending(BudgetCommand, name="communication.budget.record_spending.v1"):
    """Money was spent on `day` beyond what was reserved, or is given back (negative: then no limits are needed)."""

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
    """The thresholds that this amount takes the day's or the month's spending across, each once a period."""
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

"""Money as whole microcents, of which a dollar has a hundred million."""

from __future__ import annotations

from decimal import Decimal

Microcents = int
"""A millionth of a cent: 1 dollar = 100_000_000. Whole numbers only, so that totals equal their parts."""

DOLLAR: Microcents = 100_000_000


def dollars(amount: Microcents) -> float:
    """The amount in dollars, for an API's answer."""
    return amount / DOLLAR


def microcents(amount: float | Decimal | str) -> Microcents:
    """An amount given in dollars, as in settings; raises decimal.InvalidOperation if it is no number."""
    return int((Decimal(str(amount)) * DOLLAR).to_integral_value())

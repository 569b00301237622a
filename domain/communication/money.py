"""Money, exactly: whole microcents, of which a dollar has a hundred million."""

from __future__ import annotations

from decimal import Decimal

from domain.communication.kinds import Channel

Microcents = int
"""A millionth of a cent: 1 dollar = 100_000_000. Whole numbers only, so that totals equal their parts."""

DOLLAR: Microcents = 100_000_000
SMS_SEGMENT: Microcents = 5_000_000
"""0.05 dollars for each segment of a text message."""

EMAIL: Microcents = 100_000
"""0.001 dollars for an e-mail."""


def price(channel: Channel, segments: int) -> Microcents:
    """What one dispatch costs; `segments` are those of its text message."""
    return SMS_SEGMENT * segments if channel is Channel.SMS else EMAIL


def dollars(amount: Microcents) -> float:
    """The amount as the API shows it."""
    return amount / DOLLAR


def microcents(amount: float | Decimal | str) -> Microcents:
    """A number of dollars, as settings give it; raises decimal.InvalidOperation for what is no number."""
    return int((Decimal(str(amount)) * DOLLAR).to_integral_value())

"""Rates and means as callers see them: percent with one decimal unless said, halves up, 0 without a denominator."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import floor


def rounded(value: Fraction, decimals: int = 1) -> float:
    """The value to so many decimals, halves up."""
    scale: int = 10**decimals
    return floor(value * scale + Fraction(1, 2)) / scale


def percent(part: int, whole: int) -> float:
    """A share in percent."""
    return rounded(Fraction(100 * part, whole)) if whole else 0.0


def share(part: int, whole: int) -> float:
    """A share as a fraction, to two decimals."""
    return rounded(Fraction(part, whole), 2) if whole else 0.0


def engagement_score(opened: int, clicked: int, received: int) -> float:
    """Percent of the two things that can be done with each campaign received."""
    return percent(opened + clicked, 2 * received)


def mean_seconds(microseconds: int, number: int) -> float:
    """The mean of durations, in seconds."""
    return rounded(Fraction(microseconds, 1_000_000 * number)) if number else 0.0


def mean(values: Iterable[Fraction]) -> float | None:
    """The mean; None without values, as 0 would be a measurement."""
    measured = list(values)
    return rounded(sum(measured, Fraction()) / len(measured)) if measured else None


def hrv_improvement(first: float | None, last: float | None) -> Fraction | None:
    """Percent by which the last reading exceeds the first; None without readings, or where the first is not positive.

    Readings count as the decimals that were sent: their binary forms would turn halves down.
    """
    if first is None or last is None or first <= 0:
        return None
    before, after = Fraction(repr(first)), Fraction(repr(last))
    return 100 * (after - before) / before

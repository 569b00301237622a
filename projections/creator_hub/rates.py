"""Shares and means as callers see them: 0 without a denominator."""

from __future__ import annotations

MICROSECONDS = 1_000_000


def share(part: float, whole: float) -> float:
    """A share as a fraction, to four decimals."""
    return round(part / whole, 4) if whole else 0.0


def mean(total: float, number: int) -> float:
    """A mean, to two decimals."""
    return round(total / number, 2) if number else 0.0


def mean_duration(microseconds: int, number: int, unit_seconds: float = 1.0) -> float:
    """The mean of durations, in units of so many seconds."""
    return mean(microseconds / MICROSECONDS / unit_seconds, number)

"""The engagement of a member: activity that halves every seven days, as a score from 0 to 1."""

from __future__ import annotations

from datetime import datetime
from math import exp2

HALF_LIFE_DAYS = 7.0
HALF_SCORE = 3.0
"""The activity at which the score is a half."""

DAY_SECONDS = 86_400.0


def decayed(activity: float, since: datetime | None, at: datetime) -> float:
    """The activity at a time, from what it was at the last message."""
    if since is None:
        return 0.0
    days = max(0.0, (at - since).total_seconds() / DAY_SECONDS)
    return activity * exp2(-days / HALF_LIFE_DAYS)


def score(activity: float) -> float:
    """The score of an activity: a / (a + 3), two decimals."""
    return round(activity / (activity + HALF_SCORE), 2)

"""Rounds of an outside call: how long it is put off each time that the engine's tries are worn out."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.messages import Attempt, Result

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)


def resume_at(attempt: Attempt, worn_out: int, at: datetime) -> datetime | None:
    """When the next round begins, after so many that were worn out in a row; None where the call has failed for good.

    A call without an answer may be made again here: only calls that are safe to repeat are put off.
    """
    again = attempt.worn_out or attempt.result is Result.UNCONFIRMED
    return at + PAUSES[worn_out] if again and worn_out < len(PAUSES) else None

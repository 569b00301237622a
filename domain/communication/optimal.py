"""The best hour to write to a person, from their reactions to earlier messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from domain.communication.kinds import Channel, Priority
from domain.communication.preferences import Preferences
from domain.communication.windows import EMAIL_OPENS, in_quiet_hours, local, next_opening
from domain.time_zones import zone_of

ENOUGH = 5
"""The fewest deliveries, at least one of them engaged with, from which an hour is chosen."""


class Sample(NamedTuple):
    """One delivery: its dispatch time (UTC), and whether it was opened, clicked or acted upon."""

    sent_at: datetime
    engaged: bool


def best_hour(preferences: Preferences, history: Sequence[Sample]) -> int | None:
    """The recipient's local hour with the highest (engaged + 1) / (sent + 2), the earliest of equals.

    Quiet hours do not count. None if the history is too short.
    """
    if len(history) < ENOUGH or not any(sample.engaged for sample in history):
        return None
    awake = [sample for sample in history if not in_quiet_hours(preferences, sample.sent_at)]
    sent = Counter(_hours(preferences, awake))
    engaged = Counter(_hours(preferences, (sample for sample in awake if sample.engaged)))
    return min(sent, key=lambda hour: (-(engaged[hour] + 1) / (sent[hour] + 2), hour), default=None)


def _hours(preferences: Preferences, samples: Iterable[Sample]) -> Iterable[int]:
    return (local(preferences, sample.sent_at).hour for sample in samples)


def optimal_time(preferences: Preferences, channel: Channel, history: Sequence[Sample], now: datetime) -> datetime:
    """The next best time, UTC, after `now` and outside quiet hours.

    From history if there is enough; otherwise the next preferred SMS time, or 09:00 on the preferred e-mail day.
    """
    hour = best_hour(preferences, history)
    clock = preferences.preferred_sms_time if channel is Channel.SMS else EMAIL_OPENS
    day = preferences.preferred_email_day if channel is Channel.EMAIL and hour is None else None
    moment = _next(preferences, time(hour) if hour is not None else clock, day, now)
    return next_opening(preferences.model_copy(update={"chosen": ()}), channel, Priority.MEDIUM, moment)


def _next(preferences: Preferences, clock: time, weekday: int | None, now: datetime) -> datetime:
    today, zone = local(preferences, now).date(), zone_of(preferences.zone)
    days = (today + timedelta(days=number) for number in range(9))
    moments = (
        datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
        for day in days
        if weekday is None or day.weekday() == weekday
    )
    return next(moment for moment in moments if moment >= now)

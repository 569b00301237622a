"""Time zones: their names, the instants at which their clocks change, and the next time that a clock shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from math import ceil
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1000)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this IANA name; raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone: {name}") from error


def clock_changes(zone: ZoneInfo, moment: datetime, days_ahead: int) -> set[datetime]:
    """The instants in the days ahead at which the zone's clocks change. No zone changes them twice within a day."""
    days = [moment + timedelta(days=number) for number in range(days_ahead + 1)]
    return {
        _change_between(zone, before, after)
        for before, after in pairwise(days)
        if _offset(zone, before) != _offset(zone, after)
    }


def next_local(moment: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The first instant from this one on, UTC, at which a clock in the zone shows this time of day.

    Where the clocks are put forward over it, that is the instant of the change; of a time that comes twice only the
    first counts.
    """
    walls = _walls(moment, clock, zone)
    skipping = (change for change in clock_changes(zone, moment - timedelta(days=1), 4) if _skips(change, clock, zone))
    return min(instant for instant in (*walls, *skipping) if instant >= moment)


def _walls(moment: datetime, clock: time, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants on the days around at which the clock really shows this time, the first of two."""
    first = moment.astimezone(zone).date() - timedelta(days=1)
    for number in range(4):
        wall = datetime.combine(first + timedelta(days=number), clock, tzinfo=zone)
        instant = wall.astimezone(UTC)
        if instant.astimezone(zone).replace(fold=0) == wall:
            yield instant


def _skips(change: datetime, clock: time, zone: ZoneInfo) -> bool:
    """Whether the clocks are put forward over this time of day at that change."""
    before, after = _offset(zone, change - timedelta(seconds=1)), _offset(zone, change)
    if before is None or after is None or after <= before:
        return False
    gone, come = (change.replace(tzinfo=None) + offset for offset in (before, after))
    return any(gone <= datetime.combine(day, clock) < come for day in {gone.date(), come.date()})


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second with the later offset, by bisection."""
    first, last = int(before.timestamp()), ceil(after.timestamp())
    new = _offset(zone, after)
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == new:
            last = middle
        else:
            first = middle
    return datetime.fromtimestamp(last, UTC)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()

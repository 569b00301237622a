"""A metric over a range of UTC days, by day, week or month, in segments that add up to it.

Weeks begin on Monday and months on the 1st; the first bucket begins with the range, and the last one ends with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.creator_hub.export import Metric
from streams.core.read_models import Row


class Granularity(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Segment(StrEnum):
    """USER_TYPE: `new` are members who registered in the bucket, and channels made in it; `returning` all others."""

    CHANNEL = "channel"
    PROGRAM = "program"
    USER_TYPE = "user_type"


class Bucket(NamedTuple):
    """The figures from this day on. Every segment that occurs in the range is in each of its buckets."""

    day: date
    value: int
    segments: dict[str, int]


class Detailed(NamedTuple):
    """The buckets of a range, the earliest first."""

    first: date
    last: date
    buckets: list[Bucket]

    @property
    def total_value(self) -> int:
        return sum(bucket.value for bucket in self.buckets)

    @property
    def average_daily(self) -> float:
        return round(self.total_value / ((self.last - self.first).days + 1), 1)

    @property
    def peak(self) -> Bucket:
        """The first one of the highest."""
        return max(self.buckets, key=lambda bucket: bucket.value)


NONE = "none"
"""The segment of what belongs to no program."""

BUCKET = "greatest(date_trunc(%(granularity)s, day::timestamp)::date, %(first)s)"
OF_CREATOR = "creator_id = %(creator_id)s and day between %(first)s and %(last)s"
BY_PROGRAM = f"case program_id when '' then '{NONE}' else program_id end"

REGISTERED, INTERACTIONS, ENROLLED = "sum(registered)", "sum(received + sent)", "sum(enrolled)"


def summed(table: str, segment: str, value: str) -> str:
    """The query of a metric that adds up day by day."""
    return f"select {BUCKET}, {segment}, {value}::bigint from {table} where {OF_CREATOR} group by 1, 2"


def typed(at: str) -> str:
    """Whether a thing was made in the bucket."""
    return f"case when ({at} at time zone 'UTC')::date >= bucket then 'new' else 'returning' end"


MEMBERS_OF_DAYS = f"""
    (select {BUCKET} bucket, day, d.creator_id, m.registered_at, d.received, d.sent
       from creator_hub_daily_members d join creator_hub_members m using (user_id)
      where d.creator_id = %(creator_id)s and day between %(first)s and %(last)s) days
"""
ENROLLED_ON = f"""
    (select {BUCKET} bucket, registered_at, channel_type
       from (select (e.enrolled_at at time zone 'UTC')::date as day, m.registered_at, m.channel_type
               from creator_hub_enrollments e join creator_hub_members m using (user_id)
              where e.creator_id = %(creator_id)s and e.enrolled_at >= %(first)s::timestamp at time zone 'UTC'
                and e.enrolled_at < (%(last)s + 1)::timestamp at time zone 'UTC') enrolled) enrolled
"""
CHANNELS_OF_DAYS = f"""
    (select distinct {BUCKET} bucket, d.channel_id, d.channel_type, c.created_at
       from creator_hub_daily d join creator_hub_channels c using (channel_id)
      where d.creator_id = %(creator_id)s and day between %(first)s and %(last)s and d.received + d.sent > 0) used
"""

QUERIES: Mapping[tuple[Metric, Segment | None], str] = {
    (Metric.USERS, None): summed("creator_hub_daily", "''", REGISTERED),
    (Metric.USERS, Segment.CHANNEL): summed("creator_hub_daily", "channel_type", REGISTERED),
    (Metric.USERS, Segment.PROGRAM): summed("creator_hub_daily_programs", BY_PROGRAM, REGISTERED),
    (Metric.USERS, Segment.USER_TYPE): summed("creator_hub_daily", "'new'", REGISTERED),
    (Metric.INTERACTIONS, None): summed("creator_hub_daily", "''", INTERACTIONS),
    (Metric.INTERACTIONS, Segment.CHANNEL): summed("creator_hub_daily", "channel_type", INTERACTIONS),
    (Metric.INTERACTIONS, Segment.PROGRAM): summed("creator_hub_daily_programs", BY_PROGRAM, INTERACTIONS),
    (Metric.INTERACTIONS, Segment.USER_TYPE): (
        f"select bucket, {typed('registered_at')}, {INTERACTIONS}::bigint from {MEMBERS_OF_DAYS} group by 1, 2"
    ),
    (Metric.PROGRAMS, None): summed("creator_hub_daily_programs", "''", ENROLLED),
    (Metric.PROGRAMS, Segment.CHANNEL): f"select bucket, channel_type, count(*) from {ENROLLED_ON} group by 1, 2",
    (Metric.PROGRAMS, Segment.PROGRAM): summed("creator_hub_daily_programs", BY_PROGRAM, ENROLLED),
    (Metric.PROGRAMS, Segment.USER_TYPE): (
        f"select bucket, {typed('registered_at')}, count(*) from {ENROLLED_ON} group by 1, 2"
    ),
    (Metric.CHANNELS, None): f"select bucket, '', count(*) from {CHANNELS_OF_DAYS} group by 1, 2",
    (Metric.CHANNELS, Segment.CHANNEL): f"select bucket, channel_type, count(*) from {CHANNELS_OF_DAYS} group by 1, 2",
    (Metric.CHANNELS, Segment.PROGRAM): f"select bucket, '{NONE}', count(*) from {CHANNELS_OF_DAYS} group by 1, 2",
    (Metric.CHANNELS, Segment.USER_TYPE): (
        f"select bucket, {typed('created_at')}, count(*) from {CHANNELS_OF_DAYS} group by 1, 2"
    ),
}


async def detailed(
    connection: AsyncConnection[Row],
    creator_id: str,
    metric: Metric,
    first: date,
    last: date,
    granularity: Granularity = Granularity.DAY,
    segment: Segment | None = None,
) -> Detailed:
    """The metric of the creator, with a bucket for every day, week or month of the range."""
    values = {"creator_id": creator_id, "first": first, "last": last, "granularity": granularity.value}
    found: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for bucket, name, value in await (await connection.execute(QUERIES[metric, segment], values)).fetchall():
        if value:
            found[bucket][name] = value
    names = sorted({name for counts in found.values() for name in counts}) if segment is not None else []
    buckets = [
        Bucket(day, sum(found[day].values()), {name: found[day].get(name, 0) for name in names})
        for day in buckets_of(first, last, granularity)
    ]
    return Detailed(first, last, buckets)


def buckets_of(first: date, last: date, granularity: Granularity) -> Iterator[date]:
    """The first day of each bucket."""
    day = first
    while day <= last:
        yield day
        day = _next(day, granularity)


def _next(day: date, granularity: Granularity) -> date:
    match granularity:
        case Granularity.DAY:
            return day + timedelta(days=1)
        case Granularity.WEEK:
            return day + timedelta(days=7 - day.weekday())
        case Granularity.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)

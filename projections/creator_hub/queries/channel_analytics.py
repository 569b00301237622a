"""The figures of one channel between two UTC days, both included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from psycopg import AsyncConnection

from projections.creator_hub.rates import mean, mean_duration, share
from streams.core.read_models import Row


class ChannelDay(NamedTuple):
    """A day of a channel. `messages` are its interactions, `users` those who wrote."""

    day: date
    messages: int
    users: int
    new_users: int


class ChannelAnalytics(NamedTuple):
    """The figures of a channel. `members` are those who had written on it by the end of the last day."""

    total_messages: int
    unique_users: int
    new_users: int
    average_response_time_seconds: float
    user_satisfaction_score: float
    members: int
    days: list[ChannelDay]

    @property
    def engagement_rate(self) -> float:
        return share(self.unique_users, self.members)


OF_CHANNEL = "creator_id = %(creator_id)s and channel_id = %(channel_id)s"
IN_RANGE = "day between %(first)s and %(last)s"

TOTALS = f"""
    select coalesce(sum(received + sent) filter (where {IN_RANGE}), 0)::bigint,
           (select count(distinct user_id) from creator_hub_daily_members
             where {OF_CHANNEL} and {IN_RANGE} and received > 0),
           coalesce(sum(new_users) filter (where {IN_RANGE}), 0)::bigint,
           coalesce(sum(response_microseconds) filter (where {IN_RANGE}), 0)::bigint,
           coalesce(sum(responses) filter (where {IN_RANGE}), 0)::bigint,
           coalesce(sum(rating_sum) filter (where {IN_RANGE}), 0)::bigint,
           coalesce(sum(ratings) filter (where {IN_RANGE}), 0)::bigint,
           coalesce(sum(new_users), 0)::bigint
      from creator_hub_daily where {OF_CHANNEL} and day <= %(last)s
"""

DAYS = f"""
    select day, sum(messages)::bigint, sum(users)::bigint, sum(new_users)::bigint from (
           select day, received + sent messages, 0 users, new_users
             from creator_hub_daily where {OF_CHANNEL} and {IN_RANGE}
            union all
           select day, 0, count(*) filter (where received > 0), 0
             from creator_hub_daily_members where {OF_CHANNEL} and {IN_RANGE} group by day) counted
     group by day
"""

EXISTS = f"select true from creator_hub_channels where {OF_CHANNEL}"


async def channel_analytics(
    connection: AsyncConnection[Row], creator_id: str, channel_id: str, first: date, last: date
) -> ChannelAnalytics | None:
    """The figures of the creator's channel, every day of the range among them; None if there is no such channel."""
    values = {"creator_id": creator_id, "channel_id": channel_id, "first": first, "last": last}
    if await (await connection.execute(EXISTS, values)).fetchone() is None:
        return None
    (totals,) = await (await connection.execute(TOTALS, values)).fetchall()
    messages, users, new_users, waited, responses, rating_sum, ratings, members = totals
    counted = {row[0]: ChannelDay(*row) for row in await (await connection.execute(DAYS, values)).fetchall()}
    return ChannelAnalytics(
        messages,
        users,
        new_users,
        mean_duration(waited, responses),
        mean(rating_sum, ratings),
        members,
        [counted.get(day, ChannelDay(day, 0, 0, 0)) for day in days(first, last)],
    )


def days(first: date, last: date) -> Iterator[date]:
    """Every day of a range."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))

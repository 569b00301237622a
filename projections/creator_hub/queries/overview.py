"""The dashboard of a creator: the figures of the last UTC days, today included, and their trends."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection

from projections.creator_hub.members import HALF_LIFE_SECONDS
from projections.creator_hub.rates import share
from streams.core.read_models import Row

STABLE_WITHIN = 0.05
"""A change by no more than this share is none."""

TOP = 5


class Trend(StrEnum):
    INCREASING = "increasing"
    STABLE = "stable"
    DECREASING = "decreasing"


class TopProgram(NamedTuple):
    """A program by the enrolments of the period; `completed` are those of them that are completed."""

    program_id: str
    program_name: str
    enrollments: int
    completed: int

    @property
    def completion_rate(self) -> float:
        return share(self.completed, self.enrollments)


class Overview(NamedTuple):
    """The figures. `active_users` wrote in the period."""

    total_users: int
    new_users: int
    active_users: int
    total_interactions: int
    ai_interactions: int
    human_escalations: int
    average_engagement_score: float
    program_completions: int
    engagement_trend: Trend
    satisfaction_trend: Trend
    top_programs: list[TopProgram]

    @property
    def user_growth_rate(self) -> float:
        """The new users to those before the period; 1 where there were none and some are there now."""
        before = self.total_users - self.new_users
        return share(self.new_users, before) if before else float(self.total_users > 0)


PERIOD = "day between %(first)s and %(last)s"
EARLIER, LATER = "day between %(first)s and %(first_half_ends)s", "day between %(second_half_begins)s and %(last)s"

COUNTED = (
    "sum(registered)",
    *(f"sum({column}) filter (where {PERIOD})" for column in ("registered", "received + sent", "ai", "escalations")),
)
COMPARED = tuple(
    f"sum({column}) filter (where {half})"
    for column in ("received + sent", "rating_sum", "ratings")
    for half in (EARLIER, LATER)
)

DAILY = f"""
    select {", ".join(f"coalesce({one}, 0)::bigint" for one in (*COUNTED, *COMPARED))}
      from creator_hub_daily where creator_id = %(creator_id)s and day <= %(last)s
"""

MEMBERS = """
    select count(*) filter (where last_active_at >= %(first)s::timestamp at time zone 'UTC'),
           coalesce(avg(coalesce(activity / (activity + 3), 0)), 0)::float8
      from (select last_active_at, power(2::float8, greatest(engagement - %(now_in_half_lives)s, -100)) activity
              from creator_hub_members where creator_id = %(creator_id)s) members
"""

COMPLETIONS = f"""
    select coalesce(sum(completed), 0)::bigint from creator_hub_daily_programs
     where creator_id = %(creator_id)s and {PERIOD}
"""

TOP_PROGRAMS = f"""
    select d.program_id, p.program_name, sum(d.enrolled)::bigint, sum(d.completed_of)::bigint
      from creator_hub_daily_programs d join creator_hub_programs p using (program_id)
     where d.creator_id = %(creator_id)s and {PERIOD}
     group by d.program_id, p.program_name having sum(d.enrolled) > 0
     order by sum(d.enrolled) desc, d.program_id limit {TOP}
"""


async def overview(connection: AsyncConnection[Row], creator_id: str, now: datetime, days: int) -> Overview:
    """The figures of the last so many days."""
    half_life = {"now_in_half_lives": now.timestamp() / HALF_LIFE_SECONDS}
    values = {"creator_id": creator_id, **half_life, **halves(now.date(), days)}
    (counts,) = await (await connection.execute(DAILY, values)).fetchall()
    ((active, score),) = await (await connection.execute(MEMBERS, values)).fetchall()
    ((completions,),) = await (await connection.execute(COMPLETIONS, values)).fetchall()
    top = await (await connection.execute(TOP_PROGRAMS, values)).fetchall()
    total, new, interactions, ai, escalations, before, after, sum_before, sum_after, rated, rated_after = counts
    satisfaction = Trend.STABLE
    if rated and rated_after:
        satisfaction = trend(sum_before / rated, sum_after / rated_after)
    return Overview(
        total,
        new,
        active,
        interactions,
        ai,
        escalations,
        round(score, 2),
        completions,
        trend(before, after),
        satisfaction,
        [TopProgram(*row) for row in top],
    )


def halves(today: date, days: int) -> dict[str, object]:
    """The days of a period, and of its halves; of an odd number of days the one in the middle is in neither."""
    first, half = today - timedelta(days=days - 1), timedelta(days=days // 2 - 1)
    return {"first": first, "first_half_ends": first + half, "second_half_begins": today - half, "last": today}


def trend(before: float, after: float) -> Trend:
    """The change from one half of a period to the other."""
    if abs(after - before) <= STABLE_WITHIN * before:
        return Trend.STABLE
    return Trend.INCREASING if after > before else Trend.DECREASING

"""What the rules of a creator achieved between two UTC days, both included, by the day of the trigger."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from psycopg import AsyncConnection

from projections.creator_hub.rates import mean_duration, share
from streams.core.read_models import Row

HOUR_SECONDS = 3_600


class RulePerformance(NamedTuple):
    """A rule. `microseconds` is the time from its triggers to the messages that answered them, in all."""

    rule_id: str
    rule_name: str
    triggers: int
    successes: int
    microseconds: int

    @property
    def success_rate(self) -> float:
        return share(self.successes, self.triggers)


class RuleAnalytics(NamedTuple):
    """Every rule, the one with the most triggers first. The totals are their sums."""

    rules: list[RulePerformance]

    @property
    def total_triggers(self) -> int:
        return sum(rule.triggers for rule in self.rules)

    @property
    def successful_engagements(self) -> int:
        return sum(rule.successes for rule in self.rules)

    @property
    def success_rate(self) -> float:
        return share(self.successful_engagements, self.total_triggers)

    @property
    def average_response_time_hours(self) -> float:
        waited = sum(rule.microseconds for rule in self.rules)
        return mean_duration(waited, self.successful_engagements, HOUR_SECONDS)


PERFORMANCE = """
    select r.rule_id, r.rule_name, d.triggers, d.successes, d.microseconds
      from creator_hub_rules r
     cross join lateral (
           select coalesce(sum(triggers), 0)::bigint triggers, coalesce(sum(successes), 0)::bigint successes,
                  coalesce(sum(microseconds), 0)::bigint microseconds
             from creator_hub_daily_rules
            where creator_id = r.creator_id and rule_id = r.rule_id and day between %s and %s) d
     where r.creator_id = %s order by d.triggers desc, r.rule_id
"""


async def rule_analytics(connection: AsyncConnection[Row], creator_id: str, first: date, last: date) -> RuleAnalytics:
    """The figures of the creator's rules."""
    rows = await (await connection.execute(PERFORMANCE, (first, last, creator_id))).fetchall()
    return RuleAnalytics([RulePerformance(*row) for row in rows])

"""The proactive rules of a creator, with what they have achieved."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from projections.creator_hub.rates import share
from streams.core.read_models import Row


class ListedRule(NamedTuple):
    """A rule. `status_reason` says why it never fires."""

    rule_id: str
    rule_name: str
    description: str
    trigger_conditions: dict[str, JsonValue]
    actions: list[dict[str, JsonValue]]
    is_active: bool
    status_reason: str | None
    created_at: datetime
    next_sweep_at: datetime | None
    triggers: int
    successes: int

    @property
    def success_rate(self) -> float:
        return share(self.successes, self.triggers)


COLUMNS = ListedRule._fields[:-2]

RULES = f"""
    select {", ".join(f"r.{name}" for name in COLUMNS)}, d.triggers, d.successes
      from creator_hub_rules r
     cross join lateral (
           select coalesce(sum(triggers), 0)::bigint triggers, coalesce(sum(successes), 0)::bigint successes
             from creator_hub_daily_rules where creator_id = r.creator_id and rule_id = r.rule_id) d
     where r.creator_id = %s order by r.created_at desc, r.rule_id
"""


async def rules_of(connection: AsyncConnection[Row], creator_id: str) -> list[ListedRule]:
    """The creator's rules, the newest first."""
    return [ListedRule(*row) for row in await (await connection.execute(RULES, (creator_id,))).fetchall()]

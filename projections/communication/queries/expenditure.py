"""The spending that enters every decision on the budget."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.communication.budget import BudgetUsage
from streams.core.read_models import Row

SPENT = """
    select coalesce(sum(cost) filter (where day = %(day)s), 0)::bigint, coalesce(sum(cost), 0)::bigint,
           (select coalesce(json_object_agg(c.partition, c.sequence order by c.partition), '{}')
              from headwater.projection_checkpoints c join headwater.projections p using (table_name)
             where p.name = 'communication_daily' and p.state = 'live')
      from communication_daily
     where day >= date_trunc('month', %(day)s::date)::date
       and day < (date_trunc('month', %(day)s::date) + interval '1 month')::date
"""


class Spending(NamedTuple):
    """The spending, and for each partition of the log the sequence up to which it was counted."""

    usage: BudgetUsage
    counted_to: dict[str, int]


async def spending_on(connection: AsyncConnection[Row], day: date) -> Spending:
    """The spending on this UTC day and in its month, as of the read models."""
    row = await (await connection.execute(SPENT, {"day": day})).fetchone()
    assert row is not None
    daily, monthly, counted_to = row
    return Spending(BudgetUsage(day=day, daily=daily, monthly=monthly), counted_to)


async def usage_on(connection: AsyncConnection[Row], day: date) -> BudgetUsage:
    """The usage of `spending_on`, without the sequences."""
    return (await spending_on(connection, day)).usage

"""What has been spent: the figure that goes into every decision on a budget."""

from __future__ import annotations

from datetime import date

from psycopg import AsyncConnection

from domain.communication.budget import Usage
from streams.database import Row

SPENT = """
    select coalesce(sum(cost) filter (where day = %(day)s), 0)::bigint, coalesce(sum(cost), 0)::bigint
      from communication_daily
     where day >= date_trunc('month', %(day)s::date)::date
       and day < (date_trunc('month', %(day)s::date) + interval '1 month')::date
"""


async def usage_on(connection: AsyncConnection[Row], day: date) -> Usage:
    """What is spent on this UTC day and in its month, as far as the read models have come."""
    row = await (await connection.execute(SPENT, {"day": day})).fetchone()
    assert row is not None
    return Usage(day=day, daily=row[0], monthly=row[1])

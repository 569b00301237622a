"""The engagement of one person with their messages."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.kinds import Channel
from domain.communication.optimal import Sample
from projections.communication.queries.analytics import rate
from streams.core.read_models import Row

SENT = "part in ('sent', 'delivered', 'undelivered')"


class Communication(NamedTuple):
    """One delivery. `status`: clicked, opened, delivered, sent, failed, unconfirmed, pending; `id` is an integer."""

    id: int
    message_id: UUID
    message_type: str
    channel: str
    status: str
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    action_taken: str | None


class UserEngagement(NamedTuple):
    """Rates of one person. `total` counts accepted messages; every rate is a fraction of it (0 if it is 0).

    delivery_rate = delivered / total, open_rate = opened / total, click_rate = clicked / total,
    action_rate = deliveries with an action / total.
    """

    total: int
    delivery_rate: float
    open_rate: float
    click_rate: float
    action_rate: float
    recent: list[Communication]


TOTALS = f"""
    select count(*), count(*) filter (where part = 'delivered'), count(opened_at), count(clicked_at), count(acted_at)
      from communication_deliveries where user_id = %s and {SENT}
"""

RECENT = """
    select number, message_id, trigger_type, channel,
           case when clicked_at is not null then 'clicked' when opened_at is not null then 'opened'
                when part in ('rejected', 'undelivered') then 'failed'
                when part in ('started', 'retrying') then 'pending'
                else part end,
           coalesce(sent_at, delivered_at), delivered_at, opened_at, action
      from communication_deliveries where user_id = %s order by number desc limit %s
"""

HISTORY = f"""
    select started_at, opened_at is not null or clicked_at is not null or acted_at is not null
      from communication_deliveries where user_id = %s and channel = %s and {SENT} order by number desc limit 500
"""


async def engagement_of(connection: AsyncConnection[Row], user_id: int, recent: int = 10) -> UserEngagement:
    """The person's rates over all time, and their latest communications."""
    row = await (await connection.execute(TOTALS, (user_id,))).fetchone()
    assert row is not None
    total, delivered, opened, clicked, acted = row
    latest = await (await connection.execute(RECENT, (user_id, recent))).fetchall()
    return UserEngagement(
        total,
        rate(delivered, total),
        rate(opened, total),
        rate(clicked, total),
        rate(acted, total),
        [Communication(*one) for one in latest],
    )


async def history_of(connection: AsyncConnection[Row], user_id: int, channel: Channel) -> list[Sample]:
    """The person's latest deliveries on this channel, up to 500: the samples for the optimal send time."""
    return [Sample(*row) for row in await (await connection.execute(HISTORY, (user_id, channel.value))).fetchall()]

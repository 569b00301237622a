"""What became of a campaign: numbers of people and events, and rates in percent of those delivered."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.rates import percent
from streams.core.read_models import Row

LINKS = 20
"""The number of links shown."""


class Link(NamedTuple):
    url: str
    clicks: int


class CampaignAnalytics(NamedTuple):
    """The figures of a campaign, as of the last reading of reports at `observed_at`; None before the first one."""

    campaign_id: str
    observed_at: datetime | None
    sent: int
    delivered: int
    opens: int
    openers: int
    machine_opens: int
    clicks: int
    clickers: int
    unsubscribed: int
    bounces: int
    complaints: int
    links: list[Link]

    @property
    def open_rate(self) -> float:
        return percent(self.openers, self.delivered)

    @property
    def click_rate(self) -> float:
        return percent(self.clickers, self.delivered)

    @property
    def unsubscribe_rate(self) -> float:
        return percent(self.unsubscribed, self.delivered)


COUNTERS = (
    "delivered",
    "opens",
    "openers",
    "machine_opens",
    "clicks",
    "clickers",
    "unsubscribed",
    "bounces",
    "complaints",
)

ANALYTICS = f"""
    select c.campaign_id, c.observed_at,
           (select coalesce(sum(accepted), 0)::bigint from content_generator_batches b
             where b.campaign_id = c.campaign_id),
           {", ".join(f"coalesce(n.{name}, 0)" for name in COUNTERS)}
      from content_generator_campaigns c left join content_generator_campaign_counters n using (campaign_id)
     where c.campaign_id = %s and c.tenant = %s
"""

POPULAR = """
    select url, clicks from content_generator_links where campaign_id = %s order by clicks desc, url limit %s
"""


async def campaign_analytics(
    connection: AsyncConnection[Row], tenant: str, campaign_id: str
) -> CampaignAnalytics | None:
    """The figures of the tenant's campaign; None if there is none."""
    row = await (await connection.execute(ANALYTICS, (campaign_id, tenant))).fetchone()
    if row is None:
        return None
    links = await (await connection.execute(POPULAR, (campaign_id, LINKS))).fetchall()
    return CampaignAnalytics._make((*row, [Link(*link) for link in links]))

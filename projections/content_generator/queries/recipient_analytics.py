"""What a recipient did with the campaigns received. The mark holds the tenant."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.rates import engagement_score
from domain.content_generator.recipient import RecipientStatus
from streams.core.read_models import Row


class RecipientAnalytics(NamedTuple):
    """Campaigns count once each; received are those delivered. `since` and `source` say how the status came about."""

    received: int
    opened: int
    clicked: int
    last_open: datetime | None
    last_click: datetime | None
    observed_at: datetime | None
    status: RecipientStatus
    since: datetime | None
    source: str | None

    @property
    def engagement_score(self) -> float:
        return engagement_score(self.opened, self.clicked, self.received)


ANALYTICS = """
    select c.campaigns > 0 or r.mark is not null,
           c.received, c.opened, c.clicked, c.last_open, c.last_click, c.observed_at,
           coalesce(r.status, %(active)s), r.since, r.source
      from (select count(*) campaigns, count(delivered_at) received, count(opened_at) opened,
                   count(clicked_at) clicked, max(opened_at) last_open, max(clicked_at) last_click,
                   max(o.observed_at) observed_at
              from content_generator_campaign_recipients
              left join content_generator_campaigns o using (campaign_id)
             where mark = %(mark)s) c
      left join content_generator_recipients r on r.mark = %(mark)s
"""


async def recipient_analytics(connection: AsyncConnection[Row], mark: str) -> RecipientAnalytics | None:
    """The figures of the recipient with this mark; None for one that no campaign and no report has named."""
    row = await (await connection.execute(ANALYTICS, {"mark": mark, "active": RecipientStatus.ACTIVE.value})).fetchone()
    assert row is not None
    known, *figures = row
    if not known:
        return None
    found = RecipientAnalytics._make(figures)
    return found._replace(status=RecipientStatus(found.status))

"""One row per webhook: see `projections.webhooks`."""

from __future__ import annotations

from psycopg import AsyncConnection

from projections import webhooks
from projections.webhooks import WebhookRow
from streams.database import Row

CONTEXT = "gccp"
WEBHOOKS = webhooks.webhooks_of(CONTEXT)


async def webhook(connection: AsyncConnection[Row], webhook_id: str) -> WebhookRow | None:
    """The webhook with this id, None if there is none."""
    return await webhooks.webhook(connection, CONTEXT, webhook_id)


async def undelivered(
    connection: AsyncConnection[Row], endpoint_id: str, after: int = 0, limit: int = 1000
) -> list[WebhookRow]:
    """What failed or was held after that sequence, in order: what a RecoverWebhook each brings on its way again."""
    return await webhooks.undelivered(connection, CONTEXT, endpoint_id, after, limit)

"""One row per endpoint that webhooks go to: enabled or disabled (and why), and since when nothing got through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.webhooks import WebhookEndpointConfigured
from projections.webhooks import health
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case WebhookEndpointConfigured() as configured:
            yield put(configured.endpoint_id, origin=configured.origin)
    yield from health(event.fact)


WEBHOOK_ENDPOINTS = ReadModel(
    "gccp_webhook_endpoints",
    version=2,
    key=("endpoint_id",),
    project=project,
    ddl="""
    create table {table} (
        endpoint_id     text primary key,
        origin          text not null,
        health          text not null default 'enabled',
        reason          text,
        failing_since   timestamptz
    );
""",
)


class WebhookEndpointRow(NamedTuple):
    """An endpoint; `reason` says why it is disabled."""

    endpoint_id: str
    origin: str
    health: str
    reason: str | None
    failing_since: datetime | None


async def endpoints(connection: AsyncConnection[Row]) -> list[WebhookEndpointRow]:
    """Every endpoint that was ever configured."""
    sql = f"select {', '.join(WebhookEndpointRow._fields)} from gccp_webhook_endpoints order by endpoint_id"
    return [WebhookEndpointRow(*row) for row in await (await connection.execute(sql)).fetchall()]

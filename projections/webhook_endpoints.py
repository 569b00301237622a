"""One row per webhook endpoint of a context: its address, event types and health.

A second table holds the feed's cursor of each endpoint, by partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.webhooks import (
    OfEndpoint,
    WebhookCursorMoved,
    WebhookEndpointConfigured,
    WebhookEndpointDisabled,
    WebhookEndpointEnabled,
    WebhookEndpointEvent,
    WebhookEndpointFailing,
    WebhookEndpointRecovered,
    WebhookEndpointRegistered,
    WebhookRegistrationEvent,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put

EndpointEvent = WebhookEndpointEvent | WebhookRegistrationEvent

VERSION = 3
ENDPOINTS_DDL = """
    create table {table} (
        endpoint_id     text primary key,
        url             text,
        types           jsonb not null default '[]',
        origin          text,
        health          text not null default 'enabled',
        reason          text,
        failing_since   timestamptz,
        registered_at   timestamptz
    );
"""
CURSORS_DDL = """
    create table {table} (
        endpoint_id     text not null,
        partition       int not null,
        sequence        bigint not null,
        primary key (endpoint_id, partition)
    );
"""


def project(event: Recorded[EndpointEvent]) -> Iterator[Change]:
    match event.fact:
        case OfEndpoint() as fact:
            row = _change(fact)
            if row is not None:
                yield row


def _change(fact: EndpointEvent) -> Change | None:
    match fact:
        case WebhookEndpointRegistered():
            return put(fact.endpoint_id, url=fact.url, types=list(fact.types), registered_at=fact.at)
        case WebhookEndpointConfigured():
            return put(fact.endpoint_id, origin=fact.origin, health="enabled", reason=None, failing_since=None)
        case WebhookEndpointEnabled():
            return change(fact.endpoint_id, health="enabled", reason=None, failing_since=None)
        case WebhookEndpointDisabled():
            return change(fact.endpoint_id, health="disabled", reason=fact.reason)
        case WebhookEndpointFailing():
            return change(fact.endpoint_id, failing_since=fact.at)
        case WebhookEndpointRecovered():
            return change(fact.endpoint_id, failing_since=None)
        case WebhookCursorMoved():
            return None  # the table of cursors shows it
        case _:
            assert_never(fact)


def project_cursors(event: Recorded[EndpointEvent]) -> Iterator[Change]:
    match event.fact:
        case WebhookCursorMoved() as moved:
            yield put(moved.endpoint_id, moved.partition, sequence=moved.sequence)


def endpoints_of(context: str) -> tuple[ReadModel, ReadModel]:
    """The read models of a context's endpoints: `<context>_webhook_endpoints` and `<context>_webhook_cursors`."""
    return (
        ReadModel(f"{context}_webhook_endpoints", VERSION, ("endpoint_id",), ENDPOINTS_DDL, project),
        ReadModel(f"{context}_webhook_cursors", VERSION, ("endpoint_id", "partition"), CURSORS_DDL, project_cursors),
    )


class EndpointRow(NamedTuple):
    """An endpoint. `registered_at` is None for one without a feed; `reason` is that of a disabled one."""

    endpoint_id: str
    url: str | None
    types: Sequence[str]
    origin: str | None
    health: str
    reason: str | None
    failing_since: datetime | None
    registered_at: datetime | None


async def endpoints(
    connection: AsyncConnection[Row], context: str, endpoint_id: str | None = None
) -> list[EndpointRow]:
    """Every endpoint of a context, or the one with this id."""
    sql = f"""
        select {", ".join(EndpointRow._fields)} from {context}_webhook_endpoints
         where %s::text is null or endpoint_id = %s order by registered_at, endpoint_id
    """
    return [EndpointRow(*row) for row in await (await connection.execute(sql, (endpoint_id, endpoint_id))).fetchall()]

"""Webhooks of every context: the feed that queues them for registered endpoints, and the performer that sends them.

The feed reads the log after recorded cursors. The id of a webhook derives from its event and its endpoint, so the next
worker repeats the steps of a dead one without a second webhook.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid5

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout
from pydantic import SecretStr

from commands.webhook_endpoints import MoveWebhookCursor
from commands.webhooks import QueueWebhook
from connectors.webhook import Destination, WebhookSender
from domain.calls.webhook import DeliverWebhook
from domain.messages import Command
from domain.webhooks import FeedEvent, WebhookContent
from projections.feed import undelivered_events
from projections.webhook_endpoints import EndpointRow, endpoints
from streams.core.calls import Deferred, Verdict
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.read_models import Row
from streams.core.secrets import Secrets
from streams.engine import Engine
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 100
PAUSE_SECONDS = 0.5
DEADLINE_SECONDS = 10.0
FEED_LOCK = 0x54656C6C
"""The key of the advisory lock that lets one worker's feed run at a time."""

AWAY = (psycopg.Error, PoolTimeout, Unavailable, Pending)
TRY_LOCK = "select pg_try_advisory_xact_lock(%s)"


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed of a context: webhook types by event name, the content of a webhook, and the sequences read so far."""

    context: str
    types: Mapping[str, str]
    content: Callable[[FeedEvent], WebhookContent]
    seen: dict[str, dict[int, int]] = field(default_factory=dict)


class WebhookFeed:
    """Queues a webhook for every event that a registered endpoint subscribes to, in one worker at a time."""

    def __init__(self, engine: Engine, feeds: list[Feed]) -> None:
        self._engine = engine
        self._feeds = feeds

    async def run(self) -> None:
        """Run the feed until it is cancelled. Retries while the log or the database is unavailable."""
        while True:
            try:
                more = await self._round()
            except AWAY as away:
                log.info("the feed of webhooks waits: %s", type(away).__name__)
                more = False
            if not more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _round(self) -> bool:
        """One pass over every endpoint; True if more events may be waiting already."""
        async with self._engine.reads.connection() as connection, connection.transaction():
            registered = [
                (feed, endpoint)
                for feed in self._feeds
                for endpoint in await endpoints(connection, feed.context)
                if endpoint.types
            ]
            if not registered:
                return False
            row = await (await connection.execute(TRY_LOCK, (FEED_LOCK,))).fetchone()
            if row is None or not row[0]:
                return False
            found = [await self._feed_isolated(connection, feed, endpoint) for feed, endpoint in registered]
        return any(found)

    async def _feed_isolated(self, connection: AsyncConnection[Row], feed: Feed, endpoint: EndpointRow) -> bool:
        """Isolates an endpoint: an event whose content cannot be made blocks no other endpoint."""
        try:
            return await self._feed(connection, feed, endpoint)
        except AWAY:
            raise
        except Exception:
            log.exception("the feed of webhook endpoint %s failed and is tried again", endpoint.endpoint_id)
            return False

    async def _feed(self, connection: AsyncConnection[Row], feed: Feed, endpoint: EndpointRow) -> bool:
        id_, since = endpoint.endpoint_id, endpoint.registered_at
        assert since is not None
        names = [name for name, type_ in feed.types.items() if type_ in endpoint.types]
        events, ends = await undelivered_events(
            connection, self._engine.mapper, feed.context, id_, since, names, feed.seen.get(id_, {}), EVENTS_AT_ONCE
        )
        for event in events:
            await self._queue(feed, id_, event)
        for partition, sequence in {event.partition: event.sequence for event in events}.items():
            await self._move_cursor(feed.context, id_, partition, sequence)
        if not events:
            feed.seen[id_] = ends
        return bool(events)

    async def _queue(self, feed: Feed, endpoint_id: str, event: FeedEvent) -> None:
        webhook_id, content = uuid5(event.event_id, endpoint_id), feed.content(event)
        command = QueueWebhook(
            at=self._engine.clock.now(),
            endpoint_id=endpoint_id,
            webhook_id=webhook_id.hex,
            data_subject=content.data_subject,
            event_type=feed.types[event.name],
            body=content.body,
        )
        envelope = envelop(
            command,
            feed.context,
            self._engine.partitions,
            "installation",
            webhook_id,
            correlation_id=event.correlation_id,
            causation_id=event.event_id,
        )
        await self._engine.gateway.submit(envelope, DEADLINE_SECONDS)

    async def _move_cursor(self, context: str, endpoint_id: str, partition: int, sequence: int) -> None:
        command: Command = MoveWebhookCursor(
            at=self._engine.clock.now(), endpoint_id=endpoint_id, partition=partition, sequence=sequence
        )
        envelope = envelop(command, context, self._engine.partitions, "installation")
        await self._engine.gateway.submit(envelope, DEADLINE_SECONDS)


class WebhookDelivery:
    """Delivers the webhooks of a context to configured endpoints, and to endpoints in the read model."""

    provider = "webhook"
    idempotent = True

    def __init__(
        self,
        context: str,
        dsn: str,
        secrets: Secrets,
        configured: Mapping[str, Destination],
        allow_private: bool,
        signature_field: str = "",
    ) -> None:
        self._context = context
        self._reads = Reads(dsn, size=2)
        self._secrets = secrets
        self._configured = frozenset(configured)
        self._destinations = dict(configured)
        self._sender = WebhookSender(self._destinations, allow_private, signature_field=signature_field)

    async def __call__(self, effect: DeliverWebhook, key: str) -> Verdict:
        if effect.endpoint_id not in self._configured:
            try:
                await self._look_up(effect.endpoint_id)
            except (psycopg.Error, PoolTimeout):
                return Deferred("database_away", "the endpoint's address could not be looked up")
        return await self._sender(effect, key)

    async def _look_up(self, endpoint_id: str) -> None:
        await self._reads.open()
        async with self._reads.connection() as connection:
            for found in await endpoints(connection, self._context, endpoint_id):
                if found.url:
                    self._destinations[endpoint_id] = destination(self._secrets, endpoint_id, found.url)

    async def close(self) -> None:
        await self._sender.close()
        await self._reads.close()


def destination(secrets: Secrets, endpoint_id: str, url: str) -> Destination:
    """The address and signing secret of a registered endpoint; raises ValueError for a malformed address."""
    return Destination(url, SecretStr(secrets.webhook_secret(endpoint_id)))

"""Webhooks out: whoever is registered is told what becomes of messages. The log is followed behind a cursor on record.

Nothing here is decided twice: what is queued for an endpoint has the event's own id in it, so a node that dies half-way
is repeated by the next without anybody being told twice.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import uuid5

import orjson
import psycopg
from psycopg_pool import PoolTimeout
from pydantic import SecretStr

from api.communication.dependencies import Secrets
from commands.communication.outlet import RecordTold
from commands.webhooks import QueueWebhook
from connectors.webhook import Destination, WebhookSender
from domain.calls.webhook import DeliverWebhook
from domain.communication.outlet import TYPES
from projections.communication.outlets import OutletRow, Untold, outlets, untold
from streams.core.calls import Deferred, Verdict
from streams.core.gateway import Pending, Unavailable, envelop
from streams.engine import Engine
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

CONTEXT = "communication"
AT_ONCE = 100
PAUSE_SECONDS = 0.5
DEADLINE_SECONDS = 10.0
TELLING = 0x54656C6C
"""The advisory lock of the node that is telling."""

ONE_AT_A_TIME = "select pg_try_advisory_xact_lock(%s)"
HIDDEN = ("at", "day", "was", "message_id", "attempt", "refund")
"""Fields of an event that a webhook leaves out or calls by another name."""


class Teller:
    """Queues a webhook for every event that a registered endpoint wants, one node at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[str, dict[int, int]] = {}

    async def run(self) -> None:
        """Goes on until it is cancelled; what is away is waited for."""
        while True:
            try:
                more = await self._round()
            except (psycopg.Error, PoolTimeout, Unavailable, Pending) as away:
                log.info("telling waits: %s", type(away).__name__)
                more = False
            except Exception:
                log.exception("telling stumbled and goes on")
                more = False
            if not more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _round(self) -> bool:
        """One look at the log for every endpoint; whether there may be more to tell at once."""
        async with self._engine.reads.connection() as connection, connection.transaction():
            registered = await outlets(connection)
            if not registered:
                return False
            row = await (await connection.execute(ONE_AT_A_TIME, (TELLING,))).fetchone()
            if row is None or not row[0]:
                return False
            found = [await self._tell(connection, outlet) for outlet in registered]
        return any(found)

    async def _tell(self, connection: Any, outlet: OutletRow) -> bool:
        names = [name for name, type_ in TYPES.items() if type_ in outlet.types]
        events, ends = await untold(connection, outlet, names, self._seen.get(outlet.endpoint_id, {}), AT_ONCE)
        last: dict[int, int] = {}
        for event in events:
            await self._queue(outlet, event)
            last[event.partition] = event.sequence
        for partition, sequence in last.items():
            await self._submit(
                RecordTold(
                    at=self._engine.clock.now(), endpoint_id=outlet.endpoint_id, partition=partition, sequence=sequence
                )
            )
        if not events:
            self._seen[outlet.endpoint_id] = ends
        return bool(events)

    async def _queue(self, outlet: OutletRow, event: Untold) -> None:
        webhook_id = uuid5(event.event_id, outlet.endpoint_id)
        command = QueueWebhook(
            at=self._engine.clock.now(),
            endpoint_id=outlet.endpoint_id,
            webhook_id=webhook_id.hex,
            data_subject=f"{CONTEXT}:{event.body['user_id']}",
            event_type=TYPES[event.name],
            body=body_of(event),
        )
        await self._engine.gateway.submit(
            envelop(
                command,
                CONTEXT,
                self._engine.partitions,
                "installation",
                webhook_id,
                correlation_id=event.correlation_id,
                causation_id=event.event_id,
            ),
            DEADLINE_SECONDS,
        )

    async def _submit(self, command: RecordTold) -> None:
        envelope = envelop(command, CONTEXT, self._engine.partitions, "installation")
        await self._engine.gateway.submit(envelope, DEADLINE_SECONDS)


def body_of(event: Untold) -> str:
    """What the endpoint is told: the event's type, its time, and what it says, without personal values."""
    said = {name: value for name, value in event.body.items() if name not in HIDDEN and value is not None}
    data = {"task_id": event.body["message_id"], **said, "position": f"{CONTEXT}/{event.partition}/{event.sequence}"}
    body = {"type": TYPES[event.name], "timestamp": event.at.isoformat().replace("+00:00", "Z"), "data": data}
    return orjson.dumps(body).decode()


class ToOutlets:
    """Delivers webhooks to registered endpoints; those that are configured go where they always did."""

    provider = "webhook"
    idempotent = True

    def __init__(self, dsn: str, secrets: Secrets, configured: dict[str, Destination], allow_private: bool) -> None:
        self._reads = Reads(dsn, size=2)
        self._secrets = secrets
        self._configured = frozenset(configured)
        self._destinations = dict(configured)
        self._sender = WebhookSender(self._destinations, allow_private)

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
            for found in await outlets(connection, endpoint_id):
                self._destinations[endpoint_id] = destination(self._secrets, endpoint_id, found.url)

    async def close(self) -> None:
        await self._sender.close()
        await self._reads.close()


def destination(secrets: Secrets, endpoint_id: str, url: str) -> Destination:
    """Where an endpoint's webhooks go and how they are signed; raises ValueError for a malformed address."""
    return Destination(url, SecretStr(secrets.webhook_secret(endpoint_id)))

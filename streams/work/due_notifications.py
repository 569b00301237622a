"""Due notifications: the projector and the command line tell workers in other processes when a task comes due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import psycopg

from streams.postgres.database import connect
from streams.postgres.tasks import DUE_CHANNEL

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 0.5


async def forward_due_notifications(dsn: str, due: Callable[[datetime], None]) -> None:
    """Call `due` with the due time of new tasks until cancelled. The worker finds missed ones by polling."""
    while True:
        try:
            async with await connect(dsn, "headwater worker") as connection:
                await connection.execute(f"listen {DUE_CHANNEL}")
                async for notification in connection.notifies():
                    due(datetime.fromisoformat(notification.payload))
        except psycopg.OperationalError as error:
            log.warning("the database is not available: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

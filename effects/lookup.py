"""Reads of pinned content for performers; a database that is away puts the effect off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from streams.core.calls import Deferred
from streams.core.read_models import Row
from streams.postgres.reads import Reads

T = TypeVar("T")

AWAY = Deferred("database_away", "what is to be sent could not be read")
BEHIND_SECONDS = 2.0
BEHIND = Deferred("read_model_behind", "what is to be sent is not in the read model yet", BEHIND_SECONDS)
"""A read model that lags or has halted: the effect waits, as it must not go to whom old rows show."""


async def read(reads: Reads, query: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T | Deferred:
    """What the query finds."""
    try:
        await reads.open()
        async with reads.connection() as connection:
            return await query(connection)
    except (psycopg.Error, PoolTimeout):
        return AWAY

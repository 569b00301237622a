"""A connection pool for queries, and the wait until the read models reach a position."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from streams.core.envelope import Position
from streams.core.read_models import Row
from streams.postgres.database import KEPT_ALIVE, SESSION

REACHED = "select sequence from headwater.partitions where context = %s and partition = %s"
PROBE = "update headwater.probe set at = now()"


class Reads:
    """Connection pool for queries. Connections see every committed batch; `search_path` starts with `read_models`."""

    def __init__(self, dsn: str, size: int = 8) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size,
            open=False,
            timeout=5.0,
            kwargs={"autocommit": True, "options": SESSION, "application_name": "headwater reads", **KEPT_ALIVE},
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[Row]]:
        """A connection for one request; raises psycopg_pool.PoolTimeout when the database is unreachable."""
        return self._pool.connection()

    async def alive(self) -> bool:
        """Whether the database answers within two seconds."""
        try:
            async with asyncio.timeout(2), self._pool.connection(timeout=2) as connection:
                await connection.execute("select 1")
        except (psycopg.Error, PoolTimeout, TimeoutError):
            return False
        return True

    async def takes_writes(self) -> bool:
        """Whether the database commits a write within two seconds; a full disk or a standby does not."""
        try:
            async with asyncio.timeout(2), self._pool.connection(timeout=2) as connection:
                await connection.execute(PROBE)
        except (psycopg.Error, PoolTimeout, TimeoutError):
            return False
        return True

    async def covers(self, position: Position, timeout_seconds: float) -> bool:
        """Wait until the read models include this position; False after `timeout_seconds`.

        Raises LookupError when the partition does not exist.
        """
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        delay = 0.005
        while await self._reached(position) < position.sequence:
            if asyncio.get_running_loop().time() + delay > deadline:
                return False
            await asyncio.sleep(delay)
            delay = min(0.1, delay * 2)
        return True

    async def _reached(self, position: Position) -> int:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(REACHED, (position.context, position.partition))
            row = await cursor.fetchone()
        if row is None:
            raise LookupError(str(position))
        return int(row[0])

"""A manual clock that several processes share: its time is a row, and moving it is announced."""

from __future__ import annotations

import asyncio
from datetime import datetime

import psycopg

from streams.clock import Clock, ManualClock
from streams.database import connect


async def follow_clock(dsn: str, clock: Clock) -> None:
    """Moves a manual clock when the stored one is moved (`headwater clock advance`); returns at once for a real one."""
    if not isinstance(clock, ManualClock):
        return
    while True:
        try:
            async with await connect(dsn, "headwater clock") as connection:
                await connection.execute("listen headwater_clock")
                await connection.execute(
                    "insert into headwater.clock (now) values (%s) on conflict do nothing", (clock.now(),)
                )
                await _set(connection, clock)
                async for _ in connection.notifies():
                    await _set(connection, clock)
        except psycopg.OperationalError:
            await asyncio.sleep(0.5)


async def _set(connection: psycopg.AsyncConnection[tuple[datetime, ...]], clock: ManualClock) -> None:
    cursor = await connection.execute("select now from headwater.clock")
    row = await cursor.fetchone()
    if row is not None:
        clock.set(row[0])

"""Manual clock shared by several processes: a row holds its time, a notification announces each change."""

from __future__ import annotations

import asyncio
from datetime import datetime

import psycopg
from psycopg import Connection

from streams.core.clock import Clock, ManualClock
from streams.core.read_models import Row
from streams.postgres.database import connect


def forget_manual_clock(connection: Connection[Row]) -> None:
    """Remove the time that an earlier manual clock left: the command line goes by it where there is one."""
    connection.execute("delete from headwater.clock")


async def synchronize_clock(dsn: str, clock: Clock) -> None:
    """Set a manual clock to the stored time at each change (`headwater clock advance`); no effect on a real clock."""
    if not isinstance(clock, ManualClock):
        return
    while True:
        try:
            async with await connect(dsn, "headwater clock") as connection:
                await connection.execute("listen headwater_clock")
                await connection.execute(
                    "insert into headwater.clock (now) values (%s) on conflict do nothing", (clock.now(),)
                )
                cursor = await connection.execute("select now from headwater.clock")
                for (now,) in await cursor.fetchall():
                    clock.set(now)
                async for moved in connection.notifies():
                    clock.set(datetime.fromisoformat(moved.payload))
        except psycopg.OperationalError:
            await asyncio.sleep(0.5)

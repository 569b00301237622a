"""Time as a port: the system's clock, or one that stands still until it is moved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time in UTC, and lets one sleep by it."""

    def now(self) -> datetime: ...

    async def sleep_until(self, moment: datetime) -> None:
        """Returns when `moment` has come, or earlier; the caller looks again."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))


class ManualClock:
    """Stands still until moved, so that every schedule, delay and expiry can be tried without waiting."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock on; raises ValueError for a step back."""
        if by < timedelta(0):
            raise ValueError("a clock does not go back")
        return self.set(self._now + by)

    def set(self, now: datetime) -> datetime:
        """Moves the clock to a later moment and wakes whoever waits."""
        self._now = max(self._now, now)
        self._moved.set()
        self._moved = asyncio.Event()
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        if moment > self._now:
            await self._moved.wait()

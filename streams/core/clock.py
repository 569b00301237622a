"""Clocks: the system's clock, and a manual clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Source of the time in UTC, with a wait until a moment."""

    def now(self) -> datetime: ...

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until `moment`, or less; the caller reads the time again."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))


class ManualClock:
    """Clock that stands still until it is moved; schedules, delays and expiries can be tested without waiting."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and return its time; raises ValueError for a step back."""
        if by < timedelta(0):
            raise ValueError("a clock does not go back")
        return self.set(self._now + by)

    def set(self, now: datetime) -> datetime:
        """Move the clock to a later moment, wake all waiting tasks, and return its time."""
        self._now = max(self._now, now)
        self._moved.set()
        self._moved = asyncio.Event()
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        if moment > self._now:
            await self._moved.wait()

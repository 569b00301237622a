"""The manual clock: it stands still, moves forward alone, and wakes who waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from streams.core.clock import ManualClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_move_wakes_who_waits_for_a_later_moment_and_nobody_waits_for_one_that_has_come() -> None:
    clock = ManualClock(NOON)
    await asyncio.wait_for(clock.sleep_until(NOON), 10)
    waiting = [asyncio.create_task(clock.sleep_until(NOON + HOUR)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    assert clock.advance(HOUR) == clock.now() == NOON + HOUR
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    again = asyncio.create_task(clock.sleep_until(NOON + 2 * HOUR))
    await asyncio.sleep(0)
    assert not again.done()
    clock.set(NOON + 2 * HOUR)
    await asyncio.wait_for(again, 10)


async def test_it_does_not_go_back() -> None:
    clock = ManualClock(NOON)
    assert clock.set(NOON - HOUR) == NOON
    assert clock.advance(timedelta(0)) == NOON
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-HOUR)

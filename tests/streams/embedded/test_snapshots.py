"""Snapshots after a restart: a cold stream goes on from its own, and never from that of other code."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.messages import Event
from streams.core.envelope import Status
from streams.core.processor import SNAPSHOT_EVERY
from tests.contract.runtimes import do, embedded, fill
from tests.contract.shelf import JAR, SHELF, Jar, JarFilled, evolve_jar


def evolve_twice(jar: Jar, event: Event) -> Jar:
    """Counts every filling twice."""
    once = evolve_jar(jar, event)
    return evolve_jar(once, event) if isinstance(event, JarFilled) else once


async def test_after_a_change_of_the_fold_every_event_is_folded_anew(database: str) -> None:
    async with embedded(database) as before:
        for _ in range(3):
            await asyncio.gather(*(do(before, fill(1)) for _ in range(70)))
    doubling = replace(JAR, evolve=evolve_twice)
    handlers = [replace(one, writes=doubling) if one.writes is JAR else one for one in SHELF.handlers]
    async with embedded(database, replace(SHELF, handlers=tuple(handlers))) as after:
        outcome = await do(after, fill(1000))
    assert outcome.problem is not None
    assert outcome.problem.details == {"grams": 420}


async def test_a_cold_stream_whose_snapshot_is_its_last_version_takes_commands_under_its_key(database: str) -> None:
    async with embedded(database) as shelf:
        await asyncio.gather(*(do(shelf, fill(1)) for _ in range(SNAPSHOT_EVERY)))
    async with embedded(database) as shelf:
        assert (await do(shelf, fill(1))).status is Status.ACCEPTED
        other = await do(shelf, fill(1, owner="bob"))
        assert other.problem is not None
        assert other.problem.type == "headwater.written_elsewhere"


async def test_hundreds_of_commands_on_one_stream_at_once_are_written_at_once(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream's state is due to be stored more than once in the batch, and has one row."""
    async with embedded(database) as shelf:
        outcomes = await asyncio.gather(*(do(shelf, fill(1)) for _ in range(3 * SNAPSHOT_EVERY)))
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
    assert caplog.messages == []

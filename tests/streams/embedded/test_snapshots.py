"""Snapshots after a change of the code that folds: a state is never taken from a fold of other code."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.messages import Event
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

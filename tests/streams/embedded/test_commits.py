"""Announcements of commits: a listener hears of every batch, as long as it listens."""

from __future__ import annotations

import asyncio

from tests.contract.runtimes import do, embedded, fill


async def test_every_listener_hears_of_a_commit_until_it_stops_to_listen(database: str) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    async with embedded(database) as shelf:
        commits = shelf.runtime.commits
        with commits.listening(first.set):
            with commits.listening(second.set):
                await do(shelf, fill(1))
                assert (first.is_set(), second.is_set()) == (True, True)
            first.clear()
            second.clear()
            await do(shelf, fill(1))
            assert (first.is_set(), second.is_set()) == (True, False)

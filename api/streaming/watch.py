"""A watch on a read model: one query at a time wakes all requests that wait for a row to change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Set
from contextlib import suppress
from typing import Generic, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from streams.core.commits import LOOK_SECONDS, UNANNOUNCED_SECONDS, Commits
from streams.core.read_models import Row
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

AWAY_SECONDS = 1.0

K = TypeVar("K")
T = TypeVar("T")
Heads = Callable[[AsyncConnection[Row], Set[K]], Awaitable[Mapping[K, int]]]
"""The query for the sequence of each key's last change; a key without a change is left out."""

Look = Callable[[AsyncConnection[Row]], Awaitable[T | None]]
"""The query for what a request waits for; None while it is not there."""


class Watch(Generic[K]):
    """Reader of the heads after each commit, and every `UNANNOUNCED_SECONDS`, for as long as a request waits."""

    def __init__(self, reads: Reads, commits: Commits, heads: Heads[K]) -> None:
        self._reads = reads
        self._commits = commits
        self._heads = heads
        self._changed = asyncio.Event()
        self._waiting: dict[asyncio.Future[None], tuple[K, int]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def after(self, key: K, sequence: int) -> None:
        """Wait until the key has changed after this sequence of its partition."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = (key, sequence)
        self._changed.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="watch")
        try:
            await waiting
        finally:
            del self._waiting[waiting]

    async def until(self, key: K, look: Look[T], seconds: float) -> T | None:
        """What `look` finds, asked at once and after each change of the key; None after so many seconds.

        A database that is away is asked again until then.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        head, found = await self._look_at(key, look)
                    except (psycopg.OperationalError, PoolTimeout) as error:
                        log.warning("a request waits for the database: %s", type(error).__name__)
                        await asyncio.sleep(AWAY_SECONDS)
                        continue
                    if found is not None:
                        return found
                    await self.after(key, head)
        except TimeoutError:
            return None

    async def _look_at(self, key: K, look: Look[T]) -> tuple[int, T | None]:
        """The key's head before the look, so that no change between the two is missed."""
        async with self._reads.connection() as connection:
            heads = await self._heads(connection, {key})
            return heads.get(key, 0), await look(connection)

    async def close(self) -> None:
        """Stop polling. Requests that still wait are not woken."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        with self._commits.listening(self._changed.set):
            while self._waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), UNANNOUNCED_SECONDS)
                self._changed.clear()
                await self._wake_or_pause()
                await asyncio.sleep(LOOK_SECONDS)

    async def _wake_or_pause(self) -> None:
        try:
            await self._wake()
        except psycopg.Error as error:
            log.warning("waiting requests cannot be woken: %s", type(error).__name__)
            await asyncio.sleep(AWAY_SECONDS)

    async def _wake(self) -> None:
        async with self._reads.connection() as connection:
            heads = await self._heads(connection, {key for key, _ in self._waiting.values()})
        for waiting, (key, sequence) in self._waiting.items():
            if heads.get(key, 0) > sequence and not waiting.done():
                waiting.set_result(None)

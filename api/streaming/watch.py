"""Wakes those who follow generations: one query at a time, for all of them together."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from uuid import UUID

import psycopg

from projections.gccp.progress import heads_of
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
AWAY_SECONDS = 1.0


class Following:
    """Looks a few times a second while anybody waits, and not at all otherwise."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._waiting: dict[asyncio.Future[None], tuple[UUID, int]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def after(self, generation_id: UUID, sequence: int) -> None:
        """Returns when something has happened to the generation after that place in its partition."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = (generation_id, sequence)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="following generations")
        try:
            await waiting
        finally:
            del self._waiting[waiting]

    async def close(self) -> None:
        """Stops looking; nobody is woken any more."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._wake()
            except psycopg.Error as error:
                log.warning("those who follow generations cannot be told of them: %s", type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)

    async def _wake(self) -> None:
        followed = {generation_id for generation_id, _ in self._waiting.values()}
        async with self._reads.connection() as connection:
            heads = await heads_of(connection, followed)
        for waiting, (generation_id, sequence) in self._waiting.items():
            if heads.get(generation_id, 0) > sequence and not waiting.done():
                waiting.set_result(None)

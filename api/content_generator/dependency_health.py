"""The health of what this product depends on, probed in the background: a probe of ours makes no call of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg_pool import PoolTimeout

from streams.engine import Engine

log = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0
PROBE_SECONDS = 3.0

Probe = Callable[[], Awaitable[bool]]


class Health(NamedTuple):
    """What was found last. `serving`: the database answers. `sandbox` names what is not configured."""

    serving: bool
    crm: bool
    platform: bool
    sources: bool
    sandbox: Sequence[str]


class DependencyHealth:
    """Probes of the CRM and the platform, every `PAUSE_SECONDS` from the first look on."""

    def __init__(
        self,
        engine: Engine,
        crm: Probe,
        platform: Probe,
        sandbox: Sequence[str],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._probes = {"crm": crm, "platform": platform}
        self._found: dict[str, bool] = {}
        self._sandbox = tuple(sandbox)
        self._close = close
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> Health:
        """What is known now; the first look waits for the first probes."""
        if self._task is None:
            await self._probe()
            self._task = asyncio.create_task(self._run(), name="dependencies")
        found = self._found
        return Health(await self._database(), found["crm"], found["platform"], True, self._sandbox)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self._probe()

    async def _probe(self) -> None:
        names = tuple(self._probes)
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        self._found = dict(zip(names, answers, strict=True))

    async def _ask(self, name: str) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._probes[name]()
        except TimeoutError:
            return False

    async def _database(self) -> bool:
        try:
            async with self._engine.reads.connection() as connection:
                await connection.execute("select 1")
        except (psycopg.Error, PoolTimeout):
            return False
        return True

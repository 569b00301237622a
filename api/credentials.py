"""The credentials of a process: signing keys and revocations, both followed while it serves.

A key that was added or removed, and a token that was revoked, count on every node within a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import psycopg
from psycopg_pool import PoolTimeout

from api.auth import REFRESH, Revocations, SigningKeys, Tokens
from projections.tokens import revocations
from streams.engine import Engine, cancelled

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Seconds between two looks."""


class Credentials:
    """The tokens of every surface. `contexts` gives the context of each surface whose tokens are on record.

    `load` reads the signing keys again; raises ValueError or OSError, after which those last known count.
    """

    def __init__(
        self, keys: SigningKeys, load: Callable[[], SigningKeys], contexts: Mapping[str, str], engine: Engine
    ) -> None:
        self._load = load
        self._contexts = contexts
        self._engine = engine
        self._keys = keys
        self._revocations = {surface: Revocations() for surface in contexts}

    def tokens(self, surface: str) -> Tokens:
        """The tokens of a surface, as they are valid at each moment. Its refresh tokens are revoked with the others."""
        revoked = self._revocations.get(surface.removesuffix(REFRESH))
        return Tokens(lambda: self._keys, surface, revoked, self._engine.clock.now)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow both while the block runs. The revocations are read before it begins: nothing revoked gets in."""
        await self._read_revocations()
        following = [
            asyncio.create_task(self._follow(self._read_keys), name="signing keys"),
            asyncio.create_task(self._follow(self._read_revocations), name="revocations"),
        ]
        try:
            yield
        finally:
            await cancelled(following)

    async def _follow(self, read: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await read()
            except (psycopg.Error, PoolTimeout, OSError, ValueError) as error:
                log.warning("what was last known counts, as %s failed: %s", read.__name__, type(error).__name__)

    async def _read_keys(self) -> None:
        keys = await asyncio.to_thread(self._load)
        if keys != self._keys:  # the same object while nothing changes: verified tokens are kept by it
            self._keys = keys

    async def _read_revocations(self) -> None:
        now = self._engine.clock.now()
        async with self._engine.reads.connection() as connection:
            for surface, context in self._contexts.items():
                self._revocations[surface].learn(*await revocations(connection, context, now))

"""Subjects' keys for a gateway: a key is stored before anything that it encrypts is in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

import psycopg
from psycopg import AsyncConnection

from streams.core.keys import Keyring, WrappedKey
from streams.core.read_models import Row
from streams.postgres.database import Statement, connect, read
from streams.postgres.journal import KEYS, add_new_keys

log = logging.getLogger(__name__)


class NoNewKey(Exception):
    """A key is missing and cannot be made: its subject may have records under a key that the database lacks."""


class SubjectKeys:
    """Lookup and creation of keys, over one connection; requests that arrive together share one round trip."""

    def __init__(self, dsn: str, keyring: Keyring, log_ends: Mapping[tuple[str, int], int]) -> None:
        self._dsn, self._keyring, self._log_ends = dsn, keyring, log_ends
        self._connection: AsyncConnection[Row] | None = None
        self._wanted: set[str] = set()
        self._round: asyncio.Task[None] | None = None

    async def ensure(self, subjects: Iterable[str]) -> None:
        """Wait until the keyring knows all of them.

        Raises NoNewKey, or psycopg.OperationalError when the database is away.
        """
        while unknown := {subject for subject in subjects if not self._keyring.knows(subject)}:
            self._wanted |= unknown
            if self._round is None:
                self._round = asyncio.create_task(self._run_round(), name="subjects' keys")
            await asyncio.shield(self._round)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
        self._connection = None

    async def _run_round(self) -> None:
        wanted, self._wanted = list(self._wanted), set()
        try:
            await self._look_up(wanted)
        finally:
            self._round = None

    async def _look_up(self, wanted: list[str]) -> None:
        """Only use shows that a connection has died while it was idle: then another one is opened at once."""
        used = self._connection
        try:
            await self._learn_or_create(await self._connected(), wanted)
        except psycopg.OperationalError:
            await self.close()
            if used is None:
                raise
            await self._learn_or_create(await self._connected(), wanted)

    async def _learn_or_create(self, connection: AsyncConnection[Row], wanted: list[str]) -> None:
        await self._learn(connection, wanted)
        missing = [subject for subject in wanted if not self._keyring.knows(subject)]
        if missing:
            await self._create(connection, missing)

    async def _create(self, connection: AsyncConnection[Row], subjects: list[str]) -> None:
        """The first stored key wins: keys created here are forgotten again and the stored ones are learned."""
        for subject in subjects:
            self._keyring.allow(subject)
            self._keyring.cipher_for_writing(subject)
        made = self._keyring.created()
        self._keyring.forget(subjects)
        await connection.execute(*add_new_keys(made, self._log_ends))
        await self._learn(connection, subjects)
        if missing := [subject for subject in subjects if not self._keyring.knows(subject)]:
            log.error("no new key for %s: a key is missing, or the database does not cover the log yet", missing[0])
            raise NoNewKey(missing[0])

    async def _learn(self, connection: AsyncConnection[Row], subjects: list[str]) -> None:
        (rows,) = await read(connection, [Statement(KEYS, [subjects])])
        for row in rows:
            self._keyring.learn(WrappedKey(*row))

    async def _connected(self) -> AsyncConnection[Row]:
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._dsn, "headwater keys")
        return self._connection

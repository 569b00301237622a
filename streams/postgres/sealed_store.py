"""What objects and credentials share: sealed bytes beside the log, and the cipher that seals for their owner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, ClassVar, NamedTuple

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection

from streams.core.keys import Keyring, WrappedKey
from streams.core.read_models import Row
from streams.postgres.database import connect
from streams.postgres.journal import KEYS, add_new_keys
from streams.postgres.reads import Reads

Lend = Callable[[], AbstractAsyncContextManager[AsyncConnection[Row]]]
"""Lends a connection for one statement: a pool's is not held while a slow client sends or reads."""

HOLD_KEY = "select headwater.hold_keys(array[%s]::text[])"
"""Fails with SQLSTATE ZH003 for a subject that is erased; else an erasure waits for the transaction."""


class Owner(NamedTuple):
    """The owner of sealed bytes: context and partition key of the events about it, and the subject, as `context:id`."""

    context: str
    key: str
    subject: str | None = None


class SealedStore:
    """A database with sealed bytes. `log_ends` are the log's ends at the start, where it is not in the database.

    The database is named by its DSN, for workers and command lines, or by a pool, for API nodes.
    """

    application_name: ClassVar[str]

    def __init__(
        self, database: str | Reads, keyring: Keyring, log_ends: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._log_ends = log_ends or {}

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Lend]:
        if isinstance(self._database, Reads):
            yield self._database.connection
            return
        async with await connect(self._database, self.application_name) as connection:
            yield lambda: nullcontext(connection)

    async def _sealing(self, lend: Lend, subject: str | None) -> AESGCM | None:
        """The cipher that seals for a subject, None if it is erased; without a subject the master key's.

        A subject without a key gets one, as with the first sealed event.
        """
        if subject is None:
            return self._keyring.master
        keys = await rows(lend, KEYS, ([subject],))
        if not keys:
            async with lend() as connection:
                await connection.execute(*add_new_keys([self._keyring.generated(subject)], self._log_ends))
            keys = await rows(lend, KEYS, ([subject],))
        if not keys:
            raise psycopg.OperationalError("the key of a person is missing, or the database does not cover the log yet")
        key = WrappedKey(*keys[0])
        return None if key.wrapped is None else self._keyring.opened(key)

    def _opening(self, subject: str | None, wrapped: bytes | None) -> AESGCM | None:
        """The cipher that opens what was sealed for a subject with that stored key, None if it is erased."""
        if subject is None:
            return self._keyring.master
        return None if wrapped is None else self._keyring.opened(WrappedKey(subject, wrapped))


async def rows(lend: Lend, sql: str, params: Sequence[Any]) -> list[Row]:
    """In the binary format: bytes as text take twice the memory."""
    async with lend() as connection:
        cursor = await connection.execute(sql, params, binary=True)
        return [] if cursor.description is None else await cursor.fetchall()

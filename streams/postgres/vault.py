"""Vault: credentials of others, such as the tokens of a creator's channels, sealed and beside the log.

    vault = Vault(engine.reads, engine.mapper.keyring)
    await vault.put(reference, Owner("creator_hub", creator_id), {"access_token": "…"})
    secrets = await vault.open(reference)

A reference is a UUID, made by the command that will name it: credentials are put before it is sent, and are never
overwritten. An event in the owner's context and under the owner's partition key keeps them by a field of type
`VaultReference`, and ends them by one of type `ForgottenObject` (`domain.messages`); what no event has kept within a
day is removed (`streams.work.object_sweep`). They are sealed for the owner's subject, so that an erasure reaches every
copy, and without a subject by the master key; either way bound to their reference.

While the database is away or full, every method raises psycopg.OperationalError or psycopg_pool.PoolTimeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import orjson
import psycopg

from streams.core.keys import Keyring, seal, unseal
from streams.postgres.reads import Reads
from streams.postgres.schema import ERASED_MEANWHILE
from streams.postgres.sealed_store import HOLD_KEY, Lend, Owner, SealedStore, rows

AT_ONCE = 4
"""Connections to a database named by its DSN: a worker sends dozens of messages at once."""

PUT = """
    insert into headwater.vault (id, context, key, subject, put_at, sealed)
    values (%s, %s, %s, %s, coalesce((select now from headwater.clock), now()), %s)
        on conflict (id) do nothing returning id
"""
"""By the engine's clock: that row is a manual clock's time."""

FOUND = """
    select v.context, v.key, v.subject, v.sealed, k.wrapped
      from headwater.vault v left join headwater.subject_keys k on k.subject = v.subject
     where v.id = %s
"""
FORGET = "delete from headwater.vault where id = %s"


class VaultEmpty(LookupError):
    """There are no credentials under this reference: never put, forgotten, or their subject is erased."""


class VaultDiffers(Exception):
    """Under this reference there are other credentials, or those of another owner."""


class _Found(NamedTuple):
    owner: Owner
    secrets: Mapping[str, str]


class Vault(SealedStore):
    """The credentials of an installation."""

    application_name = "headwater vault"

    def __init__(
        self, database: str | Reads, keyring: Keyring, log_ends: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        super().__init__(database, keyring, log_ends)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def put(self, reference: str | UUID, owner: Owner, secrets: Mapping[str, str]) -> None:
        """Seal and store credentials under a new reference. A repetition is the same credentials.

        Raises VaultDiffers; VaultEmpty for an erased owner; ValueError for a reference that is no UUID.
        """
        id_ = UUID(str(reference))
        async with self._lent() as lend:
            if await self._stored(lend, id_, owner, secrets):
                return
            there = await self._find(lend, id_)
            if there is None:
                raise VaultEmpty(f"{id_} was forgotten while it was put")
            if there != _Found(owner, dict(secrets)):
                raise VaultDiffers(f"{id_} holds other credentials")

    async def open(self, reference: str | UUID) -> Mapping[str, str]:
        """The credentials under a reference; raises VaultEmpty, also for a reference that is no UUID."""
        try:
            id_ = UUID(str(reference))
        except ValueError:
            raise VaultEmpty("no reference") from None
        async with self._lent() as lend:
            found = await self._find(lend, id_)
        if found is None:
            raise VaultEmpty(str(id_))
        return found.secrets

    async def forget(self, reference: str | UUID) -> None:
        """Remove credentials, if they are there: those that no event has kept, as events do not know of this."""
        async with self._lent() as lend:
            await rows(lend, FORGET, (UUID(str(reference)),))

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Lend]:
        async with self._turns, super()._lent() as lend:
            yield lend

    async def _stored(self, lend: Lend, id_: UUID, owner: Owner, secrets: Mapping[str, str]) -> bool:
        """Whether they are stored now; False where something is under the reference already."""
        cipher = await self._sealing(lend, owner.subject)
        if cipher is None:
            raise VaultEmpty(f"{owner.subject} is erased")
        row = (id_, *owner, seal(cipher, orjson.dumps(dict(secrets)), _about(id_)))
        try:
            async with lend() as connection, connection.transaction():
                if owner.subject is not None:
                    await connection.execute(HOLD_KEY, (owner.subject,))
                return await (await connection.execute(PUT, row)).fetchone() is not None
        except psycopg.Error as error:
            if error.sqlstate == ERASED_MEANWHILE:
                raise VaultEmpty(f"{owner.subject} is erased") from None
            raise

    async def _find(self, lend: Lend, id_: UUID) -> _Found | None:
        stored = await rows(lend, FOUND, (id_,))
        if not stored:
            return None
        context, key, subject, sealed, wrapped = stored[0]
        cipher = self._opening(subject, wrapped)
        if cipher is None:
            return None
        return _Found(Owner(context, key, subject), orjson.loads(unseal(cipher, sealed, _about(id_))))


def _about(id_: UUID) -> bytes:
    return f"headwater.vault:{id_}".encode()

"""Objects: bytes beside the log, written once and streamed in parts, for files that no event can hold.

    objects = Objects(engine.reads, engine.mapper.keyring)
    stored = await objects.put(Owner("creator_hub", creator_id, f"creator_hub:{document_id}"), chunks, limit, id)
    async for part in objects.open(stored.id): ...

Each object is sealed with a key that only it has. That key is wrapped by the subject's key, so that an erasure reaches
every copy; without a subject by the master key. An event in the owner's context and under the owner's partition key
keeps the object by a field of type `ObjectId`, and ends it by one of type `ForgottenObject` (`domain.messages`). An
object that no event has kept within a day is removed (`streams.work.object_sweep`).

The database is named by its DSN, for workers and command lines, or by a pool, for API nodes. While it is away or full,
every method raises psycopg.OperationalError or psycopg_pool.PoolTimeout.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import PoolTimeout

from streams.core.keys import seal, unseal
from streams.postgres.object_rows import ADD_PART, BEGIN, DISCARD, FINISH, FORGET, PART, WHOLE, WholeObject
from streams.postgres.schema import ERASED_MEANWHILE
from streams.postgres.sealed_store import HOLD_KEY, Lend, Owner, SealedStore, rows

__all__ = ["ObjectDiffers", "ObjectErased", "ObjectMissing", "ObjectTooLarge", "Objects", "Owner", "StoredObject"]

PART_BYTES = 262_144


class ObjectMissing(Exception):
    """There is no whole object with this id: it was never put, is forgotten, or its subject is erased."""


class ObjectErased(Exception):
    """The object's subject is erased: nothing can be put for it, and what is left of it cannot be read."""


class ObjectTooLarge(Exception):
    """The object has more bytes than the caller's limit."""


class ObjectDiffers(Exception):
    """Under this id there is an object of another owner, or with other bytes."""


class StoredObject(NamedTuple):
    """A whole object: its id, its size in bytes, and the SHA-256 of its bytes in hexadecimal digits."""

    id: str
    size: int
    sha256: str


class Objects(SealedStore):
    """The objects of an installation."""

    application_name = "headwater objects"

    async def put(
        self, owner: Owner, chunks: AsyncIterable[bytes], limit: int, object_id: str | UUID | None = None
    ) -> StoredObject:
        """Write an object of at most `limit` bytes; `object_id` makes a repetition the same object.

        An object that is there already is compared and stays. Raises ObjectTooLarge, ObjectDiffers or ObjectErased,
        and what `chunks` raises; then nothing of it is left.
        """
        id_ = uuid4() if object_id is None else UUID(str(object_id))
        async with self._lent() as lend:
            there = await _whole(lend, id_)
            if there is not None:
                size, digest = await measured(chunks, limit)
                return _same(there, owner, size, digest)
            return await self._written(lend, owner, id_, chunks, limit)

    async def put_whole(self, owner: Owner, content: bytes, object_id: str | UUID) -> StoredObject:
        """Write an object whose bytes are in memory; see `put`."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return await self.put(owner, chunks(), len(content), object_id)

    async def stored(self, object_id: str | UUID) -> StoredObject:
        """Look up an object without its bytes; raises ObjectMissing or ObjectErased."""
        async with self._lent() as lend:
            return _stored(await self._readable(lend, object_id))

    async def open(self, object_id: str | UUID) -> AsyncIterator[bytes]:
        """Read an object part by part; the first step raises ObjectMissing or ObjectErased."""
        async with self._lent() as lend:
            found = await self._readable(lend, object_id)
            cipher, number, read = AESGCM(self._key_of(found)), 0, 0
            while read < found.size:
                sealed = await rows(lend, PART, (found.content, number))
                if not sealed:
                    raise ObjectMissing(str(object_id))
                part = unseal(cipher, sealed[0][0], _about(found.content, number))
                number, read = number + 1, read + len(part)
                yield part

    async def read(self, object_id: str | UUID, most: int) -> bytes:
        """Read a whole object of at most `most` bytes; raises ObjectTooLarge, ObjectMissing or ObjectErased."""
        if (found := await self.stored(object_id)).size > most:
            raise ObjectTooLarge(f"{object_id} has {found.size} bytes")
        return b"".join([part async for part in self.open(object_id)])

    async def forget(self, object_id: str | UUID) -> None:
        """Remove an object, if it is there: one that no event has kept, as events do not know of this."""
        async with self._lent() as lend:
            await rows(lend, FORGET, (UUID(str(object_id)),))

    async def _written(
        self, lend: Lend, owner: Owner, id_: UUID, chunks: AsyncIterable[bytes], limit: int
    ) -> StoredObject:
        wrapping = await self._sealing(lend, owner.subject)
        if wrapping is None:
            raise ObjectErased(f"{owner.subject} is erased")
        content, key = uuid4(), AESGCM.generate_key(256)
        await rows(lend, BEGIN, (content, id_, *owner))
        try:
            size, digest = await _write_parts(lend, content, AESGCM(key), chunks, limit)
            if await _finished(lend, owner, content, (size, digest, seal(wrapping, key, _about_key(id_)))):
                return StoredObject(str(id_), size, digest.hex())
            there = await _whole(lend, id_)
        except BaseException:
            with suppress(psycopg.Error, PoolTimeout):
                await rows(lend, DISCARD, (content,))
            raise
        await rows(lend, DISCARD, (content,))
        if there is None:
            raise ObjectErased(f"{id_} was forgotten while it was written")
        return _same(there, owner, size, digest)

    async def _readable(self, lend: Lend, object_id: str | UUID) -> WholeObject:
        found = await _whole(lend, UUID(str(object_id)))
        if found is None:
            raise ObjectMissing(str(object_id))
        if self._opening(found.subject, found.subject_key) is None:
            raise ObjectErased(str(object_id))
        return found

    def _key_of(self, found: WholeObject) -> bytes:
        wrapping = self._opening(found.subject, found.subject_key)
        assert wrapping is not None
        return unseal(wrapping, found.wrapped, _about_key(found.id))


async def measured(chunks: AsyncIterable[bytes], limit: int) -> tuple[int, bytes]:
    """Read chunks to their end, without keeping them; their size and SHA-256. Raises ObjectTooLarge."""
    size, digest = 0, sha256()
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise ObjectTooLarge(f"more than {limit} bytes")
        digest.update(chunk)
    return size, digest.digest()


async def _write_parts(
    lend: Lend, content: UUID, cipher: AESGCM, chunks: AsyncIterable[bytes], limit: int
) -> tuple[int, bytes]:
    number, size, digest, waiting = 0, 0, sha256(), bytearray()

    async def write(length: int) -> None:
        nonlocal number
        sealed = seal(cipher, bytes(waiting[:length]), _about(content, number))
        await _add_part(lend, (content, number, sealed))
        del waiting[:length]
        number += 1

    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise ObjectTooLarge(f"more than {limit} bytes")
        digest.update(chunk)
        waiting += chunk
        while len(waiting) >= PART_BYTES:
            await write(PART_BYTES)
    if waiting:
        await write(len(waiting))
    return size, digest.digest()


async def _add_part(lend: Lend, part: tuple[UUID, int, bytes]) -> None:
    try:
        await rows(lend, ADD_PART, part)
    except psycopg.errors.ForeignKeyViolation:
        raise ObjectErased("the object was forgotten while it was written") from None


async def _finished(lend: Lend, owner: Owner, content: UUID, whole: tuple[int, bytes, bytes]) -> bool:
    """Make a writing the whole object; False when it is gone, or another writing of the id was whole before."""
    try:
        async with lend() as connection, connection.transaction():
            if owner.subject is not None:
                await connection.execute(HOLD_KEY, (owner.subject,))
            return await (await connection.execute(FINISH, (*whole, content))).fetchone() is not None
    except psycopg.errors.UniqueViolation:
        return False
    except psycopg.Error as error:
        if error.sqlstate == ERASED_MEANWHILE:
            raise ObjectErased(f"{owner.subject} is erased") from None
        raise


async def _whole(lend: Lend, id_: UUID) -> WholeObject | None:
    found = await rows(lend, WHOLE, (id_,))
    return WholeObject(*found[0]) if found else None


def _same(found: WholeObject, owner: Owner, size: int, digest: bytes) -> StoredObject:
    if (found.context, found.key, found.subject) != owner or (found.size, found.sha256) != (size, digest):
        raise ObjectDiffers(f"{found.id} is another object")
    return _stored(found)


def _stored(found: WholeObject) -> StoredObject:
    return StoredObject(str(found.id), found.size, found.sha256.hex())


def _about(content: UUID, number: int) -> bytes:
    return f"part {number} of {content}".encode()


def _about_key(id_: UUID) -> bytes:
    return f"headwater.object:{id_}".encode()

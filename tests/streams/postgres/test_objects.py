"""Objects over a real database: written once, sealed, and gone without a trace when they are not wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from uuid import uuid4

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from psycopg import Connection

from streams.core.keys import Keyring
from streams.core.read_models import Row
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.journal import erasure
from streams.postgres.objects import (
    PART_BYTES,
    ObjectDiffers,
    ObjectErased,
    ObjectMissing,
    Objects,
    ObjectTooLarge,
    Owner,
    StoredObject,
)
from streams.postgres.reads import Reads
from tests.contract.runtimes import START
from tests.contract.shelf import SHELF

ADA = Owner("shelf", "ada", "shelf:ada")
SHELF_S = Owner("shelf", "ada")
LONG = bytes(range(256)) * 3_000
"""Three parts, the last one not full."""


@pytest.fixture
def connection(database: str) -> Iterator[Connection[Row]]:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        yield connection


@pytest.fixture
def objects(connection: Connection[Row], database: str) -> Objects:
    return Objects(database, Keyring(bytes(32)))


async def chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def then_fails(data: bytes) -> AsyncIterator[bytes]:
    async for chunk in chunks(data):
        yield chunk
    raise ConnectionResetError


async def after(data: bytes, happens: Callable[[], object]) -> AsyncIterator[bytes]:
    """The data, and before the end of it this happens."""
    async for chunk in chunks(data):
        yield chunk
    happens()


def counted(connection: Connection[Row]) -> tuple[int, int]:
    """Rows of objects and of parts."""
    counts = "select (select count(*) from headwater.objects), (select count(*) from headwater.object_parts)"
    ((objects, parts),) = connection.execute(counts).fetchall()
    return objects, parts


def erase(connection: Connection[Row], subject: str = "shelf:ada") -> None:
    with connection.transaction():
        for statement in erasure("shelf", "ada", subject, START):
            connection.execute(statement.sql.encode(), statement.params)


@pytest.mark.parametrize("owner", [ADA, SHELF_S], ids=["subject", "nobody"])
@pytest.mark.parametrize("data", [b"", b"plums", LONG[: 2 * PART_BYTES], LONG], ids=["empty", "small", "two", "three"])
async def test_what_was_put_is_read_again(objects: Objects, owner: Owner, data: bytes) -> None:
    stored = await objects.put(owner, chunks(data), len(data))
    assert (stored.size, stored.sha256) == (len(data), sha256(data).hexdigest())
    assert await objects.read(stored.id, len(data)) == data
    assert await objects.stored(stored.id) == stored
    assert max([len(part) async for part in objects.open(stored.id)], default=0) <= PART_BYTES


async def test_what_is_stored_is_sealed_and_belongs_to_its_place(objects: Objects, connection: Connection[Row]) -> None:
    stored = await objects.put(ADA, chunks(LONG), len(LONG))
    parts = connection.execute("select sealed from headwater.object_parts order by number").fetchall()
    assert len(parts) == 3
    assert all(bytes(range(256)) not in sealed for (sealed,) in parts)
    connection.execute("update headwater.object_parts set number = 9 - number")
    connection.execute("update headwater.object_parts set number = number - 7 where number >= 7")
    with pytest.raises(InvalidTag):
        await objects.read(stored.id, len(LONG))


async def test_an_object_is_written_once_however_often_its_command_is_repeated(
    objects: Objects, connection: Connection[Row]
) -> None:
    id_ = uuid4()
    first = await objects.put(ADA, chunks(LONG), len(LONG), id_)
    assert await objects.put(ADA, chunks(LONG, 7_000), len(LONG), str(id_)) == first
    assert counted(connection) == (1, 3)
    for owner, data in ((ADA, LONG[:-1]), (Owner("shelf", "bob", "shelf:ada"), LONG)):
        with pytest.raises(ObjectDiffers):
            await objects.put(owner, chunks(data), len(LONG), id_)
    assert await objects.read(id_, len(LONG)) == LONG


async def test_of_two_writings_at_once_one_becomes_the_object(objects: Objects, connection: Connection[Row]) -> None:
    id_, other = uuid4(), list[StoredObject]()

    async def overtaken(data: bytes) -> AsyncIterator[bytes]:
        async for chunk in chunks(data):
            yield chunk
        other.append(await objects.put(ADA, chunks(LONG), len(LONG), id_))

    assert await objects.put(ADA, overtaken(LONG), len(LONG), id_) == other[0]
    assert counted(connection) == (1, 3)
    await objects.forget(id_)
    with pytest.raises(ObjectDiffers):
        await objects.put(ADA, overtaken(b"figs"), len(LONG), id_)
    assert counted(connection) == (1, 3)
    assert await objects.read(id_, len(LONG)) == LONG


async def test_nothing_is_left_of_what_is_too_large_or_breaks_off(
    objects: Objects, connection: Connection[Row]
) -> None:
    with pytest.raises(ObjectTooLarge):
        await objects.put(ADA, chunks(LONG), len(LONG) - 1)
    with pytest.raises(ConnectionResetError):
        await objects.put(ADA, then_fails(LONG), len(LONG))
    assert counted(connection) == (0, 0)


async def test_nothing_is_left_of_a_writing_that_is_cancelled(objects: Objects, connection: Connection[Row]) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def stands_still() -> AsyncIterator[bytes]:
        yield LONG
        begun.set()
        await never.wait()

    writing = asyncio.create_task(objects.put(ADA, stands_still(), len(LONG)))
    await begun.wait()
    assert counted(connection) == (1, 2)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert counted(connection) == (0, 0)


async def test_an_unknown_a_forgotten_and_an_unfinished_object_are_missing(objects: Objects) -> None:
    stored = await objects.put(ADA, chunks(b"plums"), 5)
    await objects.forget(stored.id)
    for id_ in (uuid4(), stored.id):
        with pytest.raises(ObjectMissing):
            await objects.read(id_, 5)

    async def looks(id_: object) -> AsyncIterator[bytes]:
        yield b"plums"
        with pytest.raises(ObjectMissing):
            await objects.stored(str(id_))

    id_ = uuid4()
    await objects.put(ADA, looks(id_), 5, id_)


async def test_more_than_the_reader_can_take_is_not_read(objects: Objects) -> None:
    stored = await objects.put(ADA, chunks(b"plums"), 5)
    with pytest.raises(ObjectTooLarge):
        await objects.read(stored.id, 4)


async def test_an_erasure_takes_the_objects_and_a_copy_of_them_cannot_be_read(
    objects: Objects, connection: Connection[Row]
) -> None:
    stored = await objects.put(ADA, chunks(LONG), len(LONG))
    other = await objects.put(Owner("shelf", "ada", "shelf:bob"), chunks(b"figs"), 4)
    for table in ("objects", "object_parts"):
        connection.execute(f"create table public.{table} as select * from headwater.{table}".encode())
    erase(connection)
    with pytest.raises(ObjectMissing):
        await objects.read(stored.id, len(LONG))
    assert await objects.read(other.id, 4) == b"figs"
    for table in ("objects", "object_parts"):
        copied = f"insert into headwater.{table} select * from public.{table} on conflict do nothing"
        connection.execute(copied.encode())
    with pytest.raises(ObjectErased):
        await objects.read(stored.id, len(LONG))
    with pytest.raises(ObjectErased):
        await objects.put(ADA, chunks(b"plums"), 5)


@pytest.mark.parametrize("data", [b"plums", LONG], ids=["at the end", "before a part"])
async def test_a_writing_that_an_erasure_overtakes_ends_with_nothing_left(
    objects: Objects, connection: Connection[Row], data: bytes
) -> None:
    with pytest.raises(ObjectErased):
        await objects.put(ADA, after(data, lambda: erase(connection)), len(LONG))
    assert counted(connection) == (0, 0)


async def test_a_key_that_was_destroyed_unseen_wraps_nothing(objects: Objects, connection: Connection[Row]) -> None:
    """As when the erasure was projected before the writing had a row."""
    destroy = b"update headwater.subject_keys set wrapped = null"
    with pytest.raises(ObjectErased):
        await objects.put(ADA, after(b"plums", lambda: connection.execute(destroy)), 5)
    assert counted(connection) == (0, 0)


async def test_a_slow_client_holds_no_connection_of_the_pool(objects: Objects, database: str) -> None:
    reads = Reads(database, size=1)
    await reads.open()
    try:
        slow = Objects(reads, Keyring(bytes(32)))

        async def asks_meanwhile() -> AsyncIterator[bytes]:
            yield LONG
            assert await reads.alive()

        stored = await slow.put(ADA, asks_meanwhile(), len(LONG))
        async for _ in slow.open(stored.id):
            assert await reads.alive()
        assert await objects.read(stored.id, len(LONG)) == LONG
    finally:
        await reads.close()


async def test_a_connection_lost_while_writing_is_an_error_that_passes(
    objects: Objects, connection: Connection[Row]
) -> None:
    backends = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'headwater objects'"
    with pytest.raises(psycopg.OperationalError):
        await objects.put(ADA, after(LONG, lambda: connection.execute(backends.encode())), len(LONG))
    with pytest.raises(psycopg.OperationalError):
        await Objects("host=127.0.0.1 port=1", Keyring(bytes(32))).read(uuid4(), 1)


async def test_no_new_key_is_made_before_the_database_covers_the_log(database: str, objects: Objects) -> None:
    behind = Objects(database, Keyring(bytes(32)), {("shelf", 0): 5})
    with pytest.raises(psycopg.OperationalError, match="does not cover the log"):
        await behind.put(ADA, chunks(b"plums"), 5)

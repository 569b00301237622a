"""Indexes that came with a release: there at once in a new installation, built in the background in an older one."""

from __future__ import annotations

import asyncio

from psycopg import Connection

from streams.core.read_models import Row
from streams.postgres.database import connect_plain
from streams.postgres.indexes import BUILDER, build_indexes
from streams.postgres.installation import prepare
from streams.postgres.schema import INDEXES
from tests.contract.runtimes import embedded
from tests.contract.shelf import SHELF
from tests.databases import as_superuser

VALID = "select r.relname from pg_index i join pg_class r on r.oid = i.indexrelid where i.indisvalid"

BREAK_OFF = "update pg_index set indisvalid = false where indexrelid = 'headwater.tasks_keys'::regclass"


def valid(connection: Connection[Row]) -> set[str]:
    return {row[0] for row in connection.execute(VALID).fetchall()}


def as_before(connection: Connection[Row]) -> None:
    """The installation as an earlier release left it."""
    prepare(connection, [SHELF], 1)
    for name in INDEXES:
        connection.execute(f"drop index headwater.{name}".encode())
    connection.execute("create index tasks_due on headwater.tasks (due_at) where state = 'waiting'")


async def test_a_new_installation_has_them_at_once(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        assert INDEXES.keys() <= valid(connection)


async def test_an_older_installation_gets_them_beside_its_work_and_loses_the_former_ones(database: str) -> None:
    with connect_plain(database) as connection:
        as_before(connection)
        prepare(connection, [SHELF], 1)
        assert not INDEXES.keys() & valid(connection), "a start makes none: it would hold up every writer"
        await build_indexes(database)
        assert INDEXES.keys() <= valid(connection)
        assert "tasks_due" not in valid(connection)


async def test_an_index_whose_build_was_broken_off_is_built_again(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        with connect_plain(as_superuser(database)) as superuser:
            superuser.execute(
                "update pg_index set indisvalid = false where indexrelid = 'headwater.tasks_keys'::regclass"
            )
        await build_indexes(database)
        assert INDEXES.keys() <= valid(connection)


async def test_two_processes_do_not_build_at_the_same_time(database: str) -> None:
    with connect_plain(database) as connection:
        as_before(connection)
        connection.execute("select pg_advisory_lock(%s)", (BUILDER,))
        building = asyncio.create_task(build_indexes(database))
        await asyncio.wait([building], timeout=0.3)
        assert not building.done()
        assert "tasks_keys" not in valid(connection)
        building.cancel()


async def test_a_running_installation_builds_them(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 4)
        connection.execute("drop index headwater.tasks_keys")
        async with embedded(database), asyncio.timeout(60):
            while not INDEXES.keys() <= valid(connection):
                await asyncio.sleep(0.01)

"""Extensions that read models need, and tables with vectors."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import Change, ReadModel, put
from streams.core.wiring import Context, names_of
from streams.postgres import rebuild
from streams.postgres.database import connect_plain, write_plain
from streams.postgres.installation import WrongInstallation, prepare, projection_of
from streams.postgres.projection_tables import Active, written
from tests.databases import as_superuser


def nothing(_: object) -> Iterator[Change]:
    yield from ()


PLACES = ReadModel(
    "test_places",
    version=1,
    key=("place",),
    project=nothing,
    ddl="create table {table} (place text primary key, embedding vector, model text);",
    extensions=("vector",),
)
ATLAS = Context(name="atlas", events=(), handlers=(), read_models=(PLACES,))
NEAREST = "select place from test_places where model = %s order by embedding <=> %s::vector, place"


def installed(dsn: str) -> Active:
    with connect_plain(dsn) as connection:
        prepare(connection, [ATLAS], 1)
        rebuild.bring_up(connection, [ATLAS], Mapper(names_of([ATLAS]), Keyring(bytes(32))), lambda _: None)
        (row,) = [row for row in rebuild.registered(connection) if row.name == PLACES.name]
        return rebuild.activate(connection, projection_of("atlas", PLACES), row.table)


def without_extension(dsn: str) -> None:
    with psycopg.connect(as_superuser(dsn), autocommit=True) as connection:
        connection.execute("drop extension vector")


def test_a_batch_writes_vectors_and_a_query_finds_the_nearest(database: str) -> None:
    active = installed(database)
    changes = [
        put("north", embedding=[0, 1.5], model="flat"),
        put("east", embedding=[1, -1e-7], model="flat"),
        put("far", embedding=[1, 2, 3], model="deep"),
        put("nowhere", embedding=None, model=None),
    ]
    with connect_plain(database) as connection:
        write_plain(connection, written(active, changes))
        write_plain(connection, written(active, [put("east", embedding=[1, 0.5])]))
        assert connection.execute(NEAREST, ("flat", "[0.1,1]")).fetchall() == [("north",), ("east",)]
        assert connection.execute("select embedding::text from test_places where place = 'east'").fetchall() == [
            ("[1,0.5]",)
        ]


def test_a_table_of_vectors_is_compared_with_its_rebuilt_one(database: str) -> None:
    active = installed(database)
    projection = projection_of("atlas", PLACES)
    with connect_plain(database) as connection:
        write_plain(connection, written(active, [put("north", embedding=[0, 1], model="flat")]))
        shadow = rebuild.activate(connection, projection, rebuild.create(connection, projection, PLACES, "shadow"))
        assert rebuild.compare(connection, PLACES.name, shadow).only_live == 1
        write_plain(connection, written(shadow, [put("north", embedding=[0, 1], model="flat")]))
        assert rebuild.compare(connection, PLACES.name, shadow).equal


def test_where_the_role_may_not_make_the_extension_the_start_says_who_can(database: str) -> None:
    without_extension(database)
    with connect_plain(database) as connection:
        with pytest.raises(WrongInstallation) as refusal:
            prepare(connection, [ATLAS], 1, "kafka")
        assert str(refusal.value) == (
            "this database lacks the extension vector, and this role may not make it: let a superuser run once, "
            "in this database: create extension vector schema public"
        )
        assert connection.execute("select to_regclass('headwater.installation')").fetchone() == (None,)
    with psycopg.connect(as_superuser(database), autocommit=True) as connection:
        connection.execute("create extension vector schema public")
    assert installed(database).types["embedding"] == "vector"


def test_a_superuser_makes_the_extension_at_the_start(database: str) -> None:
    without_extension(database)
    assert installed(as_superuser(database)).types["embedding"] == "vector"


def test_a_server_without_the_extension_is_named(database: str) -> None:
    model = ReadModel("test_odd", 1, ("place",), "", nothing, extensions=("no_such_extension",))
    context = Context(name="atlas", events=(), handlers=(), read_models=(model,))
    with (
        connect_plain(as_superuser(database)) as connection,
        pytest.raises(WrongInstallation, match=r"lacks the extension no_such_extension.*: install it on the server"),
    ):
        prepare(connection, [context], 1)


def test_contexts_that_need_no_extension_start_without_one(database: str) -> None:
    without_extension(database)
    with connect_plain(database) as connection:
        prepare(connection, [Context(name="atlas", events=(), handlers=())], 1)


def test_what_belongs_to_an_extension_stays_the_superusers(database: str) -> None:
    with connect_plain(database) as connection:
        owners = "select distinct proowner::regrole::text from pg_proc where proname like 'vector%'"
        assert connection.execute(owners).fetchall() == [("postgres",)]

"""Every place where a value about a person can be, and what an erasure does there. A new one fails until it is listed.

Columns of read models that are personal are blanked by the writers. The files of a data directory are listed and looked
through in `tests/commandline/test_storage.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from psycopg import Connection

import bootstrap
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.wiring import names_of
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.projection_tables import COLUMN_TYPES, columns_of
from streams.postgres.rebuild import bring_up, registered
from tests.project.columns_in_clear import CONTENT_GENERATOR, CREATOR_HUB, ENGINE, READ_MODELS

TEXTUAL = ("text", "json", "jsonb", "bytea", "text[]", "character varying")


def places(*listed: Mapping[str, str]) -> set[str]:
    return {place for one in listed for named in one.values() for place in named.split()}


@pytest.fixture
def installed(database: str) -> Iterator[Connection[Row]]:
    """The tables of every product."""
    with connect_plain(database) as connection:
        prepare(connection, bootstrap.CONTEXTS, 1)
        mapper = Mapper(names_of(bootstrap.CONTEXTS), Keyring(bytes(32)))
        bring_up(connection, bootstrap.CONTEXTS, mapper, lambda _: None)
        yield connection


def textual(connection: Connection[Row], schema: str) -> dict[str, set[str]]:
    """The columns that can hold a text, by table."""
    found = columns_of(connection.execute(COLUMN_TYPES).fetchall())
    return {
        table: {column for column, type_ in columns.items() if type_ in TEXTUAL}
        for table, columns in found.items()
        if table.startswith(f"{schema}.")
    }


def test_every_column_of_the_engine_that_can_hold_a_text_is_listed(installed: Connection[Row]) -> None:
    tables = textual(installed, "headwater").items()
    found = {f"{table.partition('.')[2]}.{column}" for table, columns in tables for column in columns}
    assert sorted(found - places(ENGINE)) == [], "can it hold a value about a person, and what does an erasure do?"
    assert sorted(places(ENGINE) - found) == []


def test_every_column_of_a_read_model_that_can_hold_a_text_is_blanked_or_listed(installed: Connection[Row]) -> None:
    columns = textual(installed, "read_models")
    found = {
        f"{row.name}.{column}"
        for row in registered(installed)
        for column in columns.get(row.table, set()).difference(row.personal)
    }
    assert sorted(found - places(READ_MODELS, CONTENT_GENERATOR, CREATOR_HUB)) == [], (
        "personal, or listed with the reason why not?"
    )
    assert sorted(places(READ_MODELS, CONTENT_GENERATOR, CREATOR_HUB) - found) == []


def test_a_personal_column_is_one_of_a_table_that_says_whose_it_is(installed: Connection[Row]) -> None:
    columns = columns_of(installed.execute(COLUMN_TYPES).fetchall())
    personal = [row for row in registered(installed) if row.personal]
    assert len(personal) >= 8
    assert all({row.subject, *row.personal} <= columns[row.table].keys() for row in personal)

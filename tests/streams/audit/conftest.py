"""Fixtures of a fresh log per test, in a database per file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.postgres.database import connect_plain
from tests.databases import fresh_database
from tests.streams.audit.logs import Log, open_log, store, usual


@pytest.fixture(scope="module")
def open_database() -> Iterator[Log]:
    for dsn in fresh_database():
        with connect_plain(dsn) as connection:
            open_log(connection)
            yield connection


@pytest.fixture
def log(open_database: Log) -> Iterator[Log]:
    """The usual log, on a connection of somebody who may do anything."""
    store(open_database, usual())
    yield open_database
    open_database.execute("drop table if exists headwater.signed_heads")

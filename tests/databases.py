"""A real PostgreSQL for tests: one embedded server per test process, one fresh database per test."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from streams.postgres.server import start_embedded

_numbers = count(1)


@cache
def server() -> str:
    """The DSN of this process's server, started at the first call."""
    directory = Path(tempfile.mkdtemp(prefix="headwater-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return start_embedded(directory / "postgres")


def fresh_database(template: str = "template1") -> Iterator[str]:
    """The DSN of a new database, empty unless it is a copy of another, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
    yield make_conninfo(server(), dbname=name)
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())

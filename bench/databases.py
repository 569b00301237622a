"""Databases of benchmarks: a PostgreSQL server of this process, and databases that belong to the product's role."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from streams.postgres.roles import PRODUCT_ROLE, SUPERUSER
from streams.postgres.server import EmbeddedServer


class Server(NamedTuple):
    """A server in a temporary directory. `dsn` is its first database, of the product's role, as `up` has it."""

    directory: Path
    dsn: str

    def database(self, name: str) -> str:
        """The DSN, for the product's role, of a new database."""
        with psycopg.connect(make_conninfo(self.dsn, user=SUPERUSER), autocommit=True) as connection:
            names = map(sql.Identifier, (name, PRODUCT_ROLE))
            connection.execute(sql.SQL("create database {} owner {}").format(*names))
        return make_conninfo(self.dsn, dbname=name)


@contextmanager
def new_server() -> Iterator[Server]:
    """A server that ends, and whose directory is removed, with the block."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-", ignore_cleanup_errors=True) as directory:
        server = EmbeddedServer(Path(directory) / "postgres")
        try:
            yield Server(Path(directory), server.dsn())
        finally:
            server.leave()

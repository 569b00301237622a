"""A real PostgreSQL for tests: one embedded server per test process, one fresh database per test."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from streams.postgres.roles import PRODUCT_ROLE, SUPERUSER, settle_roles
from streams.postgres.run_directory import RunDirectory
from streams.postgres.server import EmbeddedServer, start_embedded

_numbers = count(1)


@cache
def server() -> str:
    """The DSN of this process's server for its superuser, started at the first call."""
    directory = Path(tempfile.mkdtemp(prefix="headwater-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    found = as_superuser(start_embedded(directory / "postgres"))
    with psycopg.connect(found, dbname="template1", autocommit=True) as connection:
        settle_roles(connection)
    return found


def fresh_database(template: str = "template1") -> Iterator[str]:
    """The DSN, for the product's role, of a new database, empty unless it is a copy of another, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} owner {PRODUCT_ROLE}".encode())
    yield make_conninfo(server(), dbname=name, user=PRODUCT_ROLE)
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


def as_superuser(dsn: str) -> str:
    """The DSN for the superuser of an embedded server, which the product is not."""
    return make_conninfo(dsn, user=SUPERUSER)


class OwnServer:
    """A server that belongs to one test, which may stop it, crash it and start it again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server = EmbeddedServer(directory)
        self.dsn = self.start()

    def start(self) -> str:
        """Returns the DSN once the server is ready."""
        return self._server.dsn()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it, SIGQUIT as a crash would, and returns when every process of it is gone."""
        os.kill(int((self.directory / "postmaster.pid").read_text().split()[0]), how)
        lock = RunDirectory(self.directory).server_lock(wait=True)
        assert lock is not None
        os.close(lock)

    def leave(self) -> None:
        """Stops it for good."""
        self._server.leave()

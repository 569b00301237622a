"""The product as `bootstrap` builds it from environment variables, served on a free loopback port.

`serving` runs it in a thread, by a clock that the test moves; `listening` serves an edge in the test's own loop.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from socket import socket
from typing import Any, Self, TypeVar
from unittest import mock

import httpcore2
import httpx2
import psycopg
import uvicorn
from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict

import bootstrap
import settings as process
from api.app import Edge
from api.mounts import mount_of
from api.protocol import BoundedProtocol
from api.routing import LeanApp
from api.socket_protocol import socket_options
from api.surface import Surface
from streams.core.clock import Clock, ManualClock
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import names_of
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.rebuild import bring_up
from tests.databases import fresh_database
from tests.imitations import listener

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PATIENCE_SECONDS = 60.0
TOKEN_SECRET = bytes.fromhex("22" * 32)
OPTIONS: Mapping[str, Any] = {
    "http": BoundedProtocol,
    "proxy_headers": False,
    "log_config": None,
    "access_log": False,
    "lifespan": "on",
    **socket_options(),
    "timeout_graceful_shutdown": 5,
}
"""uvicorn's."""

CERTIFICATES = cache(httpcore2.default_ssl_context)
"""The machine's certificates, read once: that takes longer than all else a client of a provider is made of."""

T = TypeVar("T")


@cache
def installed() -> str:
    """The name of a database in which everything stands that a first start makes: a start on its copy is sooner done.

    First starts as such are tested with the command line.
    """
    dsn = next(fresh_database())
    mapper = Mapper(names_of(bootstrap.CONTEXTS), Keyring(bytes(32)))
    with connect_plain(dsn) as connection:
        prepare(connection, bootstrap.CONTEXTS, 4)
        bring_up(connection, bootstrap.CONTEXTS, mapper, lambda _: None)
    return str(conninfo_to_dict(dsn)["dbname"])


def variables_of(dsn: str, data: Path, port: int) -> dict[str, str]:
    """The environment variables of every product under test."""
    return {
        "HEADWATER_DATA": str(data),
        "HEADWATER_POSTGRES": dsn,
        "HEADWATER_PORT": str(port),
        "HEADWATER_MASTER_KEY": "11" * 32,
        "HEADWATER_TOKEN_SECRET": TOKEN_SECRET.hex(),
    }


def given(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that have a value: a test unsets one of `variables_of` by an empty one."""
    return {name: value for name, value in variables.items() if value}


def unlimited(surface: str) -> dict[str, str]:
    """The claim of a token whose caller meets no limit."""
    return dict.fromkeys(bootstrap.SURFACES[surface].limits, "1000000/minute")


class Installation:
    """The product, built from these variables and none of this machine's, but not running.

    Raises pydantic's ValidationError or ValueError, as a start does.
    """

    def __init__(
        self,
        dsn: str,
        data: Path,
        port: int,
        variables: Mapping[str, str],
        clock: Clock | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.dsn = dsn
        self.data = data
        self.port = port
        self.root = f"http://127.0.0.1:{port}"
        with (
            mock.patch.dict(os.environ, given(variables_of(dsn, data, port) | dict(variables)), clear=True),
            mock.patch.object(httpcore2, "default_ssl_context", CERTIFICATES),
        ):
            self.settings = process.load()
            self.clock = clock or bootstrap.clock(self.settings)
            self.runtime, performers = bootstrap.embedded_runtime(self.settings, dsn, self.clock)
            self.edge = bootstrap.edge_over(self.settings, self.runtime, performers, dsn, on_ready)

    def token(
        self, surface: str, *scopes: str, subject: str = "tester", limits: Mapping[str, str] | None = None
    ) -> str:
        """A token of this installation with these scopes, or with all; without limits unless some are given."""
        return bootstrap.tokens(self.settings, surface).issue(
            subject,
            scopes or bootstrap.SURFACES[surface].credential.scopes,
            datetime.now(UTC),
            timedelta(hours=1),
            unlimited(surface) if limits is None else limits,
        )

    def authorization(
        self, surface: str, *scopes: str, subject: str = "tester", limits: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The header that carries such a token, as the surface wants it."""
        return self.presenting(surface, self.token(surface, *scopes, subject=subject, limits=limits))

    def presenting(self, surface: str, token: str) -> dict[str, str]:
        """The header that carries this token to a surface."""
        credential = self.surface(surface).credential
        return {credential.header: f"{credential.scheme} {token}".strip()}

    def own(self, surface: str, kind: type[T]) -> T:
        """The dependencies of a surface's endpoints."""
        found = self.surface(surface).own
        assert isinstance(found, kind)
        return found

    def surface(self, name: str) -> Surface:
        """A surface of the edge."""
        app = self.edge._surfaces[name]
        app = app.app if isinstance(app, LeanApp) else app
        assert isinstance(app, FastAPI)
        found: Surface = app.state.surface
        return found


class Served(Installation):
    """An installation that runs in a thread with its own event loop, by a clock that the test moves.

    `http` asks it without a token.
    """

    def __init__(self, dsn: str, data: Path, variables: Mapping[str, str]) -> None:
        self._listener = listener()
        port = int(self._listener.getsockname()[1])
        self.manual = ManualClock(MONDAY)
        super().__init__(dsn, data, port, variables, self.manual, self._ready)
        self.journal = psycopg.connect(dsn, autocommit=True)
        self.http = httpx2.Client(base_url=self.root, timeout=PATIENCE_SECONDS, verify=False)
        self._numbers = iter(range(1000, 1_000_000))
        self._server = uvicorn.Server(uvicorn.Config(self.edge, **OPTIONS))
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def _ready(self) -> None:
        self.loop = asyncio.get_running_loop()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serves until the block is left."""
        self._thread.start()
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), f"the server did not start: {self.edge.failure}"
            assert time.monotonic() < until, "the server did not start in time"
            time.sleep(0.01)
        try:
            yield self
        finally:
            self._server.should_exit = True
            self._thread.join()
            self.http.close()
            self.journal.close()

    def client(self, surface: str, path: str = "", subject: str = "tester") -> httpx2.Client:
        """A client of a surface, with a token that may do everything."""
        return httpx2.Client(
            base_url=f"{self.root}/{mount_of(surface)}{path}",
            headers=self.authorization(surface, subject=subject),
            timeout=PATIENCE_SECONDS,
            verify=False,  # nothing here is encrypted, and a store of certificates takes long to load
        )

    def new_user(self) -> int:
        """An unused user id."""
        return next(self._numbers)

    def advance(self, by: timedelta) -> None:
        """Moves the clock, and returns when everything due by then has been done."""
        asyncio.run_coroutine_threadsafe(self._advance(by), self.loop).result(PATIENCE_SECONDS)
        self.settle()

    async def _advance(self, by: timedelta) -> None:
        self.manual.advance(by)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Within it the worker looks for orders from the command line all the time, not only every few seconds."""
        over = threading.Event()

        def hurry() -> None:
            while not over.wait(0.05):
                self.loop.call_soon_threadsafe(self.runtime._due, self.clock.now())

        thread = threading.Thread(target=hurry, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def settle(self) -> None:
        """Returns when no task is due any more."""
        due = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= %s"
        self.wait(lambda: self.ask(due, self.clock.now()) == [(0,)], "tasks are still due")

    def wait(self, condition: Callable[[], bool], complaint: str) -> None:
        """Returns once the condition holds."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < until, complaint
            time.sleep(0.01)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database behind the product."""
        return self.journal.execute(sql.encode(), values).fetchall()

    def recorded(self) -> int:
        """How many records the journal holds."""
        return int(self.ask("select count(*) from headwater.journal")[0][0])

    def events(self, stream: str) -> list[str]:
        """The names of a stream's events, in order."""
        rows = self.ask("select name from headwater.journal where stream = %s order by version", stream)
        return [row[0] for row in rows]


S = TypeVar("S", bound=Served)


@contextmanager
def serving(kind: type[S], variables: Mapping[str, str]) -> Iterator[S]:
    """A product that runs on a fresh database and directory."""
    data = Path(tempfile.mkdtemp(prefix="headwater-api-"))
    databases = fresh_database(installed())
    try:
        with kind(next(databases), data, variables).running() as served:
            yield served
    finally:
        next(databases, None)
        shutil.rmtree(data, ignore_errors=True)


@asynccontextmanager
async def listening(edge: Edge, at: socket, **options: Any) -> AsyncIterator[str]:
    """Serves an edge until the block is left, and gives its address; raises what its start failed with.

    `options` are uvicorn's.
    """
    server = uvicorn.Server(uvicorn.Config(edge, **{**OPTIONS, **options}))
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[at]))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
    if edge.failure is not None:
        raise edge.failure
    try:
        yield f"http://127.0.0.1:{at.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        at.close()

"""The product on a free port, in a thread with a loop of its own, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import uvicorn

import bootstrap
from api.app import Edge
from settings import Settings
from streams.core.clock import ManualClock
from streams.embedded.runtime import EmbeddedRuntime
from tests.databases import fresh_database
from tests.imitations import listener

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SCOPES = tuple(bootstrap.SCOPES["communication"])
PATIENCE_SECONDS = 60.0
UNLIMITED = dict.fromkeys(bootstrap.LIMITS["communication"], "1000000/minute")


class Served:
    """A running product. `api` speaks with a token that may do everything, as often as it likes."""

    def __init__(self, dsn: str, data: Path, settings: Mapping[str, object]) -> None:
        self.dsn = dsn
        self.data = data
        self.clock = ManualClock(MONDAY)
        self._listener = listener()
        self.port = int(self._listener.getsockname()[1])
        usual = {"data": data, "postgres": dsn, "port": self.port, "master_key": "11" * 32, "token_secret": "22" * 32}
        self.settings = Settings.model_validate(usual | dict(settings))
        self.root = f"http://127.0.0.1:{self.port}"
        self.api = httpx2.Client(
            base_url=f"{self.root}/communication/api/communication", headers=self.bearer(), timeout=PATIENCE_SECONDS
        )
        self.journal = psycopg.connect(dsn, autocommit=True)
        self._numbers = iter(range(1000, 1_000_000))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._edge(),
                http="httptools",
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=5,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def _edge(self) -> Edge:
        parts = bootstrap.parts(self.settings, self.dsn)
        key = bootstrap.master_key(self.settings)
        self.runtime = EmbeddedRuntime(self.dsn, bootstrap.CONTEXTS, key, self.clock, parts.connectors)

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            async with self.runtime.run():
                yield

        return bootstrap.edge_of(self.settings, self.runtime, parts, lifespan, lambda: self.runtime.gateway.waiting)

    @contextmanager
    def running(self) -> Iterator[Served]:
        """Serves until the block is left."""
        self._thread.start()
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < until, "the server did not start in time"
            time.sleep(0.01)
        try:
            yield self
        finally:
            self._server.should_exit = True
            self._thread.join()
            self.api.close()
            self.journal.close()

    def token(self, *scopes: str, subject: str = "tester", limits: Mapping[str, str] = UNLIMITED) -> str:
        """A token with these scopes, or with all."""
        tokens = bootstrap.tokens(self.settings, "communication")
        return tokens.issue(subject, scopes or SCOPES, datetime.now(UTC), timedelta(hours=1), limits)

    def bearer(self, *scopes: str, subject: str = "tester", limits: Mapping[str, str] = UNLIMITED) -> dict[str, str]:
        """The header that carries such a token."""
        return {"Authorization": f"Bearer {self.token(*scopes, subject=subject, limits=limits)}"}

    def new_user(self) -> int:
        """A user id that nobody has used."""
        return next(self._numbers)

    def advance(self, by: timedelta) -> None:
        """Moves the clock, and returns when everything due by then has been done."""
        asyncio.run_coroutine_threadsafe(self._advance(by), self._loop).result(PATIENCE_SECONDS)
        self.settle()

    async def _advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Within it the worker looks for orders from the command line all the time, not only every few seconds."""
        over = threading.Event()

        def hurry() -> None:
            while not over.wait(0.05):
                self._loop.call_soon_threadsafe(self.runtime._due, self.clock.now())

        thread = threading.Thread(target=hurry, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def settle(self) -> None:
        """Returns when no task is due any more."""
        due = "select count(*) from headwater.tasks where state = 'running' or due_at <= %s"
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

    def outbox(self, user_id: int, channel: str) -> list[dict[str, Any]]:
        """What went out to somebody through the sandbox, in no order."""
        found = [json.loads(path.read_text()) for path in (self.data / "outbox").glob(f"{channel}-*.json")]
        return [message for message in found if message["recipient_id"] == str(user_id)]

    def agree(self, user_id: int, number: str | None = None) -> str:
        """The person agrees to everything on both channels; gives their number."""
        number = number or f"+1555{user_id:07}"
        if self.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})["verification_required"]:
            self.ok("POST", "/consent/sms/verify", {"phone_number": number, "verification_code": self.code(number)})
        self.ok("POST", "/consent/email", {"user_id": user_id, "email": f"user{user_id}@example.com"})
        return number

    def code(self, number: str) -> str:
        """The code that waits for this number; what the text message says."""
        sql = "select verification_id from read_models.communication_recipients where pending_phone = %s"
        ids = self.ask(sql, number)
        return bootstrap.secrets(self.settings).code(UUID(str(ids[0][0])))

    def send(self, user_id: int, type_: str = "monthly_report", **more: Any) -> dict[str, Any]:
        """Asks for a message that is expected to be taken."""
        return self.ok("POST", "/send", {"user_id": user_id, "trigger_type": type_, "data": {}} | more)

    def status(self, task_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/status/{task_id}")

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = (
            self.api.request(method, path, json=body, headers=headers)
            if body is not None
            else self.api.request(method, path, headers=headers)
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def serving(**settings: object) -> Iterator[Served]:
    """A product of its own, on a fresh database and directory."""
    data = Path(tempfile.mkdtemp(prefix="headwater-api-"))
    databases = fresh_database()
    try:
        with Served(next(databases), data, settings).running() as served:
            yield served
    finally:
        next(databases, None)
        shutil.rmtree(data, ignore_errors=True)


@lru_cache
def contract() -> dict[str, Any]:
    """The machine-readable reading of the document."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "contract.json").read_text())
    return found


def endpoint(id_: str) -> dict[str, Any]:
    """One endpoint of the contract."""
    found: dict[str, Any] = next(one for one in contract()["endpoints"] if one["id"] == id_)
    return found

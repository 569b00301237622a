"""The surface served over real HTTP by this process, over an embedded runtime and a database of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx2
import jwt
import uvicorn
from pydantic import SecretStr

from api.app import Edge
from api.auth import Tokens
from api.counters import InProcess
from api.gccp import GccpSettings, app, desk_of, destinations, language_model
from api.gccp.dependencies import Desk
from commands.gccp.wiring import GCCP
from commands.webhook_endpoints import ConfigureWebhookEndpoint
from connectors.webhook import WebhookSender
from domain.calls.completion import Completion
from domain.calls.webhook import DeliverWebhook
from domain.messages import Effect
from projections.gccp import READ_MODELS
from streams.core.calls import AnyConnector
from streams.core.clock import SystemClock
from streams.core.gateway import envelop
from streams.embedded.runtime import EmbeddedRuntime
from tests.imitations import listener

CONTEXT = replace(GCCP, read_models=READ_MODELS)
SECRET = "a Supabase project's secret, long enough for HS256"
INSTALLATION = bytes(range(32))
PARTITIONS = 4
T = TypeVar("T")


@dataclass
class Service:
    """A running surface and a client of it, which is `user` unless told otherwise."""

    runtime: EmbeddedRuntime
    client: httpx2.AsyncClient
    desk: Desk
    edge: Edge
    user: str
    url: str

    async def generation(self, id_: UUID | str, **headers: str) -> dict[str, Any]:
        """The generation as its owner reads it."""
        answer = await self.client.get(f"/generations/{id_}", headers=headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def settled(self, id_: UUID | str, seconds: float = 60, **headers: str) -> dict[str, Any]:
        """The generation, once it is over. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (told := await self.generation(id_, **headers))["status"] in ("queued", "processing"):
                await asyncio.sleep(0.02)
        return told

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        async with self.runtime.reads.connection() as connection:
            return await (await connection.execute(sql.encode(), values)).fetchall()

    async def until(self, holds: Callable[[list[tuple[Any, ...]]], bool], sql: str, *values: Any) -> Any:
        """The rows of a query, once they are as wanted. Raises TimeoutError."""
        async with asyncio.timeout(60):
            while not holds(rows := await self.rows(sql, *values)):
                await asyncio.sleep(0.02)
        return rows


def settings(**given: Any) -> GccpSettings:
    """Settings of an installation with Supabase's shared secret, and nothing from this machine's environment."""
    usual: dict[str, Any] = {"supabase_jwt_secret": SecretStr(SECRET), "pdf_workers": 1}
    nothing = dict.fromkeys(GccpSettings.model_fields)
    kept = {name: GccpSettings.model_fields[name].get_default() for name in nothing}
    return GccpSettings.model_construct(**kept | usual | given)


def token(user: str | None = None, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as Supabase makes one; a claim that is None is left out."""
    now = datetime.now(UTC)
    usual = {
        "aud": "authenticated",
        "role": "authenticated",
        "sub": user or str(uuid4()),
        "iat": now,
        "exp": now + timedelta(hours=1),
        "session_id": str(uuid4()),
        "is_anonymous": False,
    }
    told = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(told, secret, algorithm)


def bearer(user: str | None = None, **claims: Any) -> dict[str, str]:
    """The header of a signed-in user."""
    return {"Authorization": f"Bearer {token(user, **claims)}"}


@asynccontextmanager
async def serving(
    database: str, given: GccpSettings | None = None, allow_private: bool = True, **options: Any
) -> AsyncIterator[Service]:
    """A running surface; `options` are uvicorn's."""
    config = given or settings()
    model = language_model(config)
    senders = WebhookSender(destinations(config), allow_private)
    connectors: dict[type[Effect], AnyConnector] = {Completion: model, DeliverWebhook: senders}
    runtime = EmbeddedRuntime(database, [CONTEXT], bytes(32), SystemClock(), connectors, PARTITIONS)
    desk = desk_of(config, runtime, Tokens(INSTALLATION, "gccp"), model)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with runtime.run():
            await _configure_webhooks(runtime, config)
            yield
            await desk.close()
        await model.close()
        await senders.close()

    async def ready() -> dict[str, object]:
        return {"ready": True}

    async def measured() -> None:
        """Nothing is measured here."""

    edge = Edge({"gccp": app(runtime, InProcess(), desk)}, lifespan, ready, measured)
    user = str(uuid4())
    async with (
        listening(edge, options) as url,
        httpx2.AsyncClient(base_url=f"{url}/gccp/api", headers=bearer(user), timeout=60) as client,
    ):
        yield Service(runtime, client, desk, edge, user, url)


async def _configure_webhooks(runtime: EmbeddedRuntime, config: GccpSettings) -> None:
    for endpoint_id, destination in destinations(config).items():
        configure = ConfigureWebhookEndpoint(
            at=runtime.clock.now(),
            endpoint_id=endpoint_id,
            origin=destination.origin,
            fingerprint=destination.fingerprint,
        )
        await runtime.gateway.submit(envelop(configure, "gccp", PARTITIONS, "test"), 10)


@asynccontextmanager
async def listening(edge: Edge, options: dict[str, Any]) -> AsyncIterator[str]:
    """Where an edge is served until the block is left; raises whatever its start failed with."""
    socket = listener()
    usual = {
        "http": "httptools",
        "log_config": None,
        "access_log": False,
        "lifespan": "on",
        "ws": "none",
        "timeout_graceful_shutdown": 5,
    }
    server = uvicorn.Server(uvicorn.Config(edge, **{**usual, **options}))
    server.capture_signals = _no_signals  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    async with asyncio.timeout(60):
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
    if edge.failure is not None:
        raise edge.failure
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        socket.close()


class _no_signals:  # noqa: N801 - stands in for a method
    """Signals are for the tests' own process."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@contextmanager
def hosted(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What an asynchronous context gives, held open in a thread of its own: for tests that share one server."""
    opened: Future[T] = Future()
    closing = threading.Event()

    async def hold() -> None:
        try:
            async with make() as made:
                opened.set_result(made)
                await asyncio.to_thread(closing.wait)
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise

    thread = threading.Thread(target=lambda: asyncio.run(hold()), daemon=True)
    thread.start()
    try:
        yield opened.result(60)
    finally:
        closing.set()
        thread.join(60)

"""The product in the test's own loop, as tests of this surface use it."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx2
import jwt

from api.app import Edge
from api.gccp.dependencies import Dependencies
from streams.embedded.runtime import EmbeddedRuntime
from tests.api.product import Installation, listening
from tests.imitations import listener

SECRET = "a Supabase project's secret, long enough for HS256"
USUAL = {
    "SUPABASE_JWT_SECRET": SECRET,
    "HEADWATER_GCCP_PDF_WORKERS": "1",
    "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true",
}
"""The environment variables of an installation, unless a test gives others; an empty one counts as unset."""

T = TypeVar("T")


@dataclass
class Service:
    """A running product and a client of this surface, which is `user` by default."""

    runtime: EmbeddedRuntime
    client: httpx2.AsyncClient
    own: Dependencies
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
async def serving(database: str, variables: Mapping[str, str] = USUAL, **options: Any) -> AsyncIterator[Service]:
    """A running product with these environment variables beside the usual ones; `options` are uvicorn's."""
    user, at = str(uuid4()), listener()
    with tempfile.TemporaryDirectory(prefix="headwater-api-") as data:
        product = Installation(database, Path(data), at.getsockname()[1], USUAL | dict(variables))
        async with (
            listening(product.edge, at, **options) as url,
            httpx2.AsyncClient(base_url=f"{url}/gccp/api", headers=bearer(user), timeout=60, verify=False) as client,
        ):
            yield Service(product.runtime, client, product.own("gccp", Dependencies), product.edge, user, url)


@contextmanager
def hosted(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """An asynchronous context, held open in a separate thread: for tests that share one server."""
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

"""Services that tests of this surface share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio

from tests.api.gccp.service import Service, bearer, hosted, serving
from tests.api.product import installed
from tests.databases import fresh_database
from tests.imitations.anthropic import AnthropicServer

KEY = "sk-ant-secret-0123456789"


def with_anthropic(anthropic: AnthropicServer, **variables: str) -> dict[str, str]:
    """Environment variables by which this imitation answers."""
    return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": anthropic.url} | variables


@pytest_asyncio.fixture
async def anthropic() -> AsyncIterator[AnthropicServer]:
    """An imitation of Anthropic."""
    async with AnthropicServer() as server:
        yield server


@pytest_asyncio.fixture
async def service(database: str) -> AsyncIterator[Service]:
    """The surface with the offline writer."""
    async with serving(database) as running:
        yield running


@pytest_asyncio.fixture
async def proxying(database: str, anthropic: AnthropicServer) -> AsyncIterator[Service]:
    """The surface with the imitated Anthropic behind it."""
    async with serving(database, with_anthropic(anthropic)) as running:
        yield running


@dataclass
class Shared:
    """A service in a thread of its own, the imitation behind it, and a client of it without a token."""

    service: Service
    anthropic: AnthropicServer
    client: httpx2.Client

    def ask(self, method: str, path: str, user: str | None = None, **more: object) -> httpx2.Response:
        """What it answers a user, a new one unless told, so that no limit is met. `path` is below /api."""
        headers = bearer(user) | dict(more.pop("headers", {}))  # type: ignore[call-overload]
        return self.client.request(method, f"/gccp/api{path}", headers=headers, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="package")
def shared() -> Iterator[Shared]:
    """One service for all tests that only ask and look at the answer."""
    databases = fresh_database(installed())

    @asynccontextmanager
    async def running() -> AsyncIterator[tuple[Service, AnthropicServer]]:
        async with (
            AnthropicServer() as anthropic,
            serving(next(databases), with_anthropic(anthropic)) as service,
        ):
            yield service, anthropic

    with hosted(running) as (service, anthropic), httpx2.Client(base_url=service.url, timeout=60) as client:
        yield Shared(service, anthropic, client)
    next(databases, None)

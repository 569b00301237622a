"""The context at work, and its tables alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from projections.content_generator import READ_MODELS
from tests.databases import fresh_database
from tests.projections.content_generator.running import NAME, Running, running
from tests.projections.tables import Tables


@pytest.fixture
async def world(database: str) -> AsyncIterator[Running]:
    async with running(database) as world:
        yield world


async def _install(dsn: str) -> None:
    async with running(dsn):
        pass


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    """The tables of every read model, which a module's examples share."""
    for dsn in fresh_database():
        asyncio.run(_install(dsn))
        with Tables.over(dsn, NAME, READ_MODELS) as tables:
            yield tables

"""The context at work on a database, whose read models performers ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.projections.content_generator.running import Running, running


@pytest.fixture
async def world(database: str) -> AsyncIterator[Running]:
    async with running(database) as world:
        yield world

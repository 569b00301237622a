"""The context with one person in it, Ada, who agreed to everything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.commands.communication.people import ADA
from tests.projections.communication.running import Running, running


@pytest.fixture
async def world(database: str) -> AsyncIterator[Running]:
    async with running(database) as world:
        await world.agree(ADA)
        yield world

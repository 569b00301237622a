"""The tables of the tiny product, and a node of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.streaming.node import Node, prepare, served


@pytest.fixture
def tables(database: str) -> str:
    """The DSN of a new database with the tables of the tiny product."""
    return prepare(database)


@pytest.fixture
async def node(tables: str) -> AsyncIterator[Node]:
    """A node that is served."""
    async with served(tables) as node:
        yield node

"""The tables of the context, which a module's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.creator_hub.events import EVENTS
from projections.creator_hub import READ_MODELS
from streams.core.wiring import Context
from tests.databases import fresh_database
from tests.projections.creator_hub.histories import NAME
from tests.projections.tables import Tables, install

CONTEXT = Context(NAME, EVENTS, handlers=(), read_models=READ_MODELS)


@pytest.fixture(scope="module")
def installed() -> Iterator[Tables]:
    for dsn in fresh_database():
        install(dsn, CONTEXT)
        with Tables.over(dsn, NAME, READ_MODELS) as tables:
            yield tables


@pytest.fixture
def tables(installed: Tables) -> Tables:
    """The tables, empty."""
    installed.clear()
    return installed

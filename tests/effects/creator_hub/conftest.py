"""The tables of the context on a database, which performers ask, and objects beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest

from commands.creator_hub.wiring import CREATOR_HUB
from projections.creator_hub import READ_MODELS
from streams.core.keys import Keyring
from streams.postgres.objects import Objects
from tests.databases import fresh_database
from tests.projections.tables import Tables, install


class Installed(NamedTuple):
    """A database with the context's tables."""

    dsn: str
    tables: Tables
    objects: Objects


@pytest.fixture(scope="module")
def database_of_module() -> Iterator[Installed]:
    databases = fresh_database()
    dsn = next(databases)
    install(dsn, replace(CREATOR_HUB, read_models=READ_MODELS))
    with Tables.over(dsn, "creator_hub", READ_MODELS) as tables:
        yield Installed(dsn, tables, Objects(dsn, Keyring(bytes(32))))
    next(databases, None)


@pytest.fixture
def installed(database_of_module: Installed) -> Installed:
    """The module's database, its tables empty."""
    database_of_module.tables.clear()
    return database_of_module

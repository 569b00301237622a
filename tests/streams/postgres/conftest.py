"""A database of the embedded server, made once, and copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.streams.postgres.server_users import copy, do, used


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has been used and stopped in order, to copy."""
    directory = tmp_path_factory.mktemp("made") / "postgres"
    with used(directory) as dsn:
        do(dsn, "create schema headwater; create table headwater.kept as select 'original' as word")
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    """A copy of that database, which nothing uses yet."""
    return copy(made, tmp_path / "data")

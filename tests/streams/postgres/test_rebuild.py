"""A read model's table while it is built: what is on record of it, and who is held up by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection

from streams.core.envelope import Recorded
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import Change, ReadModel, Row
from streams.core.wiring import names_of
from streams.postgres import rebuild
from streams.postgres.database import connect_plain
from streams.postgres.installation import projection_of
from streams.postgres.journal import COLUMNS
from streams.postgres.projection_tables import Active, Registered
from tests.contract.runtimes import do, embedded, fill, open_jar
from tests.contract.shelf import JARS, SHELF

FOREIGN_KEYS = f"select {COLUMNS}, false, null::bytea from headwater.journal j order by sequence"


@pytest.fixture
def mapper() -> Mapper:
    return Mapper(names_of([SHELF]), Keyring(bytes(32)))


@pytest.fixture
async def operator(database: str) -> AsyncIterator[Connection[Row]]:
    async with embedded(database) as shelf:
        await do(shelf, open_jar())
        await do(shelf, fill(5))
    with connect_plain(database) as connection:
        yield connection


def stumble(_event: Recorded[Any]) -> Iterator[Change]:
    raise ZeroDivisionError("plums")


def second(operator: Connection[Row]) -> Registered:
    return next(row for row in rebuild.registered(operator) if (row.name, row.version) == (JARS.name, 2))


def made(operator: Connection[Row], model: ReadModel) -> Active:
    projection = projection_of("shelf", model)
    return rebuild.activate(operator, projection, rebuild.create(operator, projection, model))


def test_a_subject_without_a_key_is_not_taken_as_erased(operator: Connection[Row], mapper: Mapper) -> None:
    operator.execute("delete from headwater.subject_keys")
    rows = operator.execute(FOREIGN_KEYS.encode()).fetchall()
    plain = [row for row in rows if b'"personal"' not in row[9]]
    assert any(row[8] is not None for row in rows)
    for row in plain:
        list(rebuild.decoded(mapper, [(*row[:8], "shelf:ada", *row[9:])]))
    assert not mapper.keyring.knows("shelf:ada")


def test_a_build_that_raises_leaves_its_halt_on_record(operator: Connection[Row], mapper: Mapper) -> None:
    broken = replace(JARS, version=2, project=stumble)
    with pytest.raises(rebuild.RebuildFailed, match="ZeroDivisionError: plums"):
        rebuild.put_live(operator, projection_of("shelf", broken), broken, mapper, lambda _: None)
    row = second(operator)
    assert (row.state, row.halted_at) == ("building", "shelf/1/1")
    assert "ZeroDivisionError" in str(row.error)


def test_a_build_that_was_broken_off_is_begun_anew(operator: Connection[Row], mapper: Mapper) -> None:
    newer = replace(JARS, version=2)
    made(operator, newer)
    progressed: list[int] = []
    rebuild.put_live(operator, projection_of("shelf", newer), newer, mapper, progressed.append)
    states = [row.state for row in rebuild.registered(operator) if (row.name, row.version) == (JARS.name, 2)]
    assert states == ["live"]
    assert sum(progressed) == 5, "every record of the journal has been counted"


def test_what_is_missing_is_counted_before_and_is_nothing_after(operator: Connection[Row], mapper: Mapper) -> None:
    active = made(operator, replace(JARS, version=2))
    assert rebuild.missing(operator, active) == 5
    rebuild.catch_up(operator, active, mapper)
    assert rebuild.missing(operator, active) == 0


def test_a_halted_table_catches_up_before_the_writers_are_locked_out(
    operator: Connection[Row], mapper: Mapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = made(operator, replace(JARS, version=2))
    missing: list[int] = []
    real = rebuild.join_writers

    def noted(connection: Connection[Row], active: Active, mapper: Mapper, state: str) -> None:
        missing.append(rebuild.missing(connection, active))
        real(connection, active, mapper, state)

    monkeypatch.setattr(rebuild, "join_writers", noted)
    rebuild.resume(operator, active, mapper, "shadow")
    assert missing == [0]
    assert second(operator).state == "shadow"

"""A read model's table while it is built: what is on record of it, and who is held up by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from streams.postgres.catch_up import Overtaken, catch_up, decoded, missing
from streams.postgres.database import connect_plain
from streams.postgres.installation import projection_of
from streams.postgres.journal import COLUMNS
from streams.postgres.projection_tables import Active, Registered
from tests.contract.runtimes import do, embedded, fill, open_jar
from tests.contract.shelf import JARS, SHELF
from tests.contract.test_erasure import erase

WAITING = "select count(*) from pg_locks where not granted"
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
        list(decoded(mapper, [(*row[:8], "shelf:ada", *row[9:])]))
    assert not mapper.keyring.knows("shelf:ada")


def test_a_table_that_halts_while_it_is_built_is_live_and_behind(operator: Connection[Row], mapper: Mapper) -> None:
    broken = replace(JARS, version=2, project=stumble)
    rebuild.put_live(operator, projection_of("shelf", broken), broken, mapper, lambda _: None)
    row = second(operator)
    assert (row.state, row.halted_at) == ("live", "shelf/1/1")
    assert "ZeroDivisionError" in str(row.error)


def test_a_record_that_cannot_be_read_halts_the_tables_that_are_built_and_the_start_goes_on(
    operator: Connection[Row], mapper: Mapper
) -> None:
    operator.execute("update headwater.journal set name = 'shelf.jar.melted.v1' where name = 'shelf.jar.filled.v1'")
    newer = tuple(replace(model, version=2) for model in SHELF.read_models)
    rebuild.bring_up(operator, [replace(SHELF, read_models=newer)], mapper, lambda _: None)
    built = [row for row in rebuild.registered(operator) if row.version == 2 and row.name.startswith("shelf_")]
    assert [(row.state, row.error) for row in built] == [
        ("live", "shelf.jar.melted.v1: UnknownName: cannot be read")
    ] * len(newer)


def test_of_two_who_catch_up_at_once_one_writes_and_the_other_gives_up(
    database: str, operator: Connection[Row], mapper: Mapper
) -> None:
    active = made(operator, replace(JARS, version=2))
    with ThreadPoolExecutor(2) as threads, connect_plain(database) as holder:
        with holder.transaction():
            holder.execute("lock table headwater.projection_checkpoints in exclusive mode")
            ends = [threads.submit(caught_up, database, active) for _ in range(2)]
            while operator.execute(WAITING).fetchone() != (2,):
                assert not any(end.done() for end in ends)
        results = sorted(end.result() for end in ends)
    assert operator.execute(f"select grams from {active.table}".encode()).fetchall() == [(5,)]
    assert results == ["caught up", "overtaken"]


def caught_up(dsn: str, active: Active) -> str:
    mapper = Mapper(names_of([SHELF]), Keyring(bytes(32)))
    with connect_plain(dsn) as connection:
        try:
            catch_up(connection, active, mapper)
        except Overtaken:
            return "overtaken"
    return "caught up"


def test_one_operator_at_a_time_is_at_work_on_a_projection(database: str, operator: Connection[Row]) -> None:
    with connect_plain(database) as other:
        with rebuild.operating(operator, "shelf_jars"):
            with pytest.raises(Overtaken, match="at work on shelf_jars"), rebuild.operating(other, "shelf_jars"):
                pass
            with rebuild.operating(other, "shelf_owners"):
                pass
        with rebuild.operating(other, "shelf_jars"):
            pass


async def test_an_erasure_reaches_a_table_that_is_being_built(database: str, mapper: Mapper) -> None:
    async with embedded(database) as shelf:
        await do(shelf, open_jar(note="for my aunt Agatha"))
        with connect_plain(database) as operator:
            active = made(operator, replace(JARS, version=2))
            catch_up(operator, active, mapper)
            notes = f"select note from {active.table}".encode()
            assert operator.execute(notes).fetchall() == [("for my aunt Agatha",)]
            await do(shelf, erase("ada", "shelf:ada"))
            assert operator.execute(notes).fetchall() == [(None,)]


async def test_an_erasure_is_replayed_with_the_records_around_it(database: str, mapper: Mapper) -> None:
    """What was written of a person after the erasure had blanked the table, from keys loaded before, goes as well."""
    async with embedded(database) as shelf:
        await do(shelf, open_jar(note="for my aunt Agatha"))
        with connect_plain(database) as operator:
            active = made(operator, replace(JARS, version=2))
            await do(shelf, erase("ada", "shelf:ada"))
            operator.execute(f"insert into {active.table} (jar, owner, note) values ('figs', 'ada', 'late')".encode())
            catch_up(operator, active, mapper)
            assert operator.execute(f"select distinct note from {active.table}".encode()).fetchall() == [(None,)]


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
    assert missing(operator, active) == 5
    catch_up(operator, active, mapper)
    assert missing(operator, active) == 0


def test_a_halted_table_catches_up_before_the_writers_are_locked_out(
    operator: Connection[Row], mapper: Mapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = made(operator, replace(JARS, version=2))
    left: list[int] = []
    real = rebuild.join_writers

    def noted(connection: Connection[Row], active: Active, mapper: Mapper, state: str) -> None:
        left.append(missing(connection, active))
        real(connection, active, mapper, state)

    monkeypatch.setattr(rebuild, "join_writers", noted)
    rebuild.resume(operator, active, mapper, "shadow")
    assert left == [0]
    assert second(operator).state == "shadow"


async def test_a_retired_table_that_does_not_say_whose_its_rows_are_is_emptied(database: str, mapper: Mapper) -> None:
    """A column became personal, and only the new version has one with the person."""
    nameless = replace(JARS, subject=None, personal=())
    async with embedded(database, replace(SHELF, read_models=(nameless,))) as shelf:
        await do(shelf, open_jar(note="for my aunt Agatha"))
    with connect_plain(database) as operator:
        operator.execute("alter table read_models.shelf_jars_v1 rename owner to whoever")
        newer = replace(JARS, version=2)
        rebuild.bring_up(operator, [replace(SHELF, read_models=(newer,))], mapper, lambda _: None)
        states = {row.version: row.state for row in rebuild.registered(operator) if row.name == JARS.name}
        assert states == {1: "retired", 2: "live"}
        assert operator.execute("select note from read_models.shelf_jars_v1").fetchall() == [(None,)]
        assert operator.execute("select note from shelf_jars").fetchall() == [("for my aunt Agatha",)]

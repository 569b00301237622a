"""Read model tables: halting alone, resuming, and rebuilding beside the live table."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from psycopg import Connection

from streams.core.batch import Head
from streams.core.envelope import Status
from streams.core.gateway import envelop
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.read_models import Row
from streams.core.wiring import EraseSubject, names_of
from streams.postgres import rebuild
from streams.postgres.catch_up import RebuildFailed, catch_up
from streams.postgres.database import connect, connect_plain
from streams.postgres.installation import projection_of
from streams.postgres.projection_tables import Active, Projection, Projections, Registered
from streams.postgres.status import ProjectionStatus, installation
from streams.postgres.tasks import known_projections
from tests.contract.runtimes import START, Embedded, do, embedded
from tests.contract.shelf import JARS, SHELF, FillJar, OpenJar


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Embedded]:
    async with embedded(database) as running:
        yield running


@pytest.fixture
def operator(database: str) -> Iterator[Connection[Row]]:
    with connect_plain(database) as connection:
        yield connection


def mapper_of_shelf() -> Mapper:
    return Mapper(names_of([SHELF]), Keyring(bytes(32)))


@pytest.fixture
def mapper() -> Mapper:
    return mapper_of_shelf()


def opened(n: int) -> OpenJar:
    return OpenJar(at=START, jar=f"jar {n}", owner=f"owner {n % 3}", note=f"note {n}")


def filled(grams: int, n: int = 0) -> FillJar:
    return FillJar(at=START, jar=f"jar {n}", owner=f"owner {n % 3}", grams=grams)


def jars() -> Projection:
    return projection_of("shelf", JARS)


async def row_of(shelf: Embedded, table: str) -> ProjectionStatus:
    async with await connect(shelf.runtime.dsn) as connection:
        found = await installation(connection)
    return next(p for p in found.projections if p.table == table)


async def test_a_projection_that_raises_halts_alone_and_shows_where(shelf: Embedded) -> None:
    await do(shelf, opened(0))
    devilish = await do(shelf, filled(666))
    assert devilish.status is Status.ACCEPTED
    await do(shelf, opened(1))
    halted = await row_of(shelf, "read_models.shelf_jars_v1")
    assert halted.halted_at == f"shelf/{devilish.position.partition}/{devilish.position.sequence - 1}"
    assert halted.error is not None
    assert halted.error.startswith("shelf.jar.filled.v1: ValueError in shelf.py, line ")
    assert halted.lag_events > 0
    assert sum(row["jars"] for row in (await shelf.rows("shelf_owners")).values()) == 2


async def test_a_table_that_refuses_its_rows_halts_alone(shelf: Embedded) -> None:
    await asyncio.gather(*(do(shelf, opened(n)) for n in range(4)))
    async with await connect(shelf.runtime.dsn) as connection:
        await connection.execute("alter table read_models.shelf_jars_v1 add check (grams < 50)")
    outcomes = await asyncio.gather(do(shelf, filled(60)), do(shelf, filled(1, 1)), do(shelf, opened(9)))
    assert all(outcome.status is Status.ACCEPTED for outcome in outcomes)
    halted = await row_of(shelf, "read_models.shelf_jars_v1")
    assert halted.error is not None
    assert "CheckViolation" in halted.error
    assert sum(row["jars"] for row in (await shelf.rows("shelf_owners")).values()) == 5


async def test_a_halted_projection_goes_on_where_it_stopped_once_it_is_mended(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await do(shelf, opened(0))
    await do(shelf, filled(666))
    await do(shelf, filled(1))
    mended = replace(jars(), project=lambda event: iter(()))
    row = next(row for row in rebuild.registered(operator) if row.name == "shelf_jars")
    rebuild.resume(operator, rebuild.activate(operator, mended, row.table), mapper, row.state)
    await do(shelf, opened(5))
    assert "jar 5" in await shelf.rows("shelf_jars")
    assert (await row_of(shelf, row.table)).lag_events == 0


async def test_a_projection_that_still_raises_stays_halted(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await do(shelf, opened(0))
    await do(shelf, filled(666))
    row = next(row for row in rebuild.registered(operator) if row.name == "shelf_jars")
    with pytest.raises(RebuildFailed, match=r"ValueError in shelf.py"):
        rebuild.resume(operator, rebuild.activate(operator, jars(), row.table), mapper, row.state)
    assert (await row_of(shelf, row.table)).halted_at is not None


async def build_beside(operator: Connection[Row], mapper: Mapper) -> Active:
    def build() -> Active:
        active = rebuild.activate(operator, jars(), rebuild.create(operator, jars(), JARS))
        catch_up(operator, active, mapper)
        rebuild.join_writers(operator, active, mapper, "shadow")
        return active

    return await asyncio.to_thread(build)


async def test_a_read_model_is_rebuilt_beside_the_live_one_while_writes_go_on(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await asyncio.gather(*(do(shelf, opened(n)) for n in range(200)))
    stop = asyncio.Event()

    async def keep_writing() -> int:
        n = 200
        while not stop.is_set():
            await do(shelf, opened(n))
            await do(shelf, filled(1, n))
            n += 1
        return n

    writing = asyncio.create_task(keep_writing())
    active = await build_beside(operator, mapper)
    same = await asyncio.to_thread(rebuild.compare, operator, "shelf_jars", active)
    stop.set()
    total = await writing
    assert same.equal
    assert same.live_rows >= 200
    last = await asyncio.to_thread(rebuild.compare, operator, "shelf_jars", active)
    assert (last.equal, last.live_rows) == (True, total)


async def test_a_comparison_finds_a_row_that_was_tampered_with(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await asyncio.gather(*(do(shelf, opened(n)) for n in range(10)))
    operator.execute("update read_models.shelf_jars set grams = 77 where jar = 'jar 3'")
    same = rebuild.compare(operator, "shelf_jars", await build_beside(operator, mapper))
    assert (same.equal, same.only_live, same.only_rebuilt) == (False, 1, 1)


async def test_a_swap_shows_the_rebuilt_rows_and_keeps_the_old_table_until_it_is_dropped(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await do(shelf, opened(3))
    operator.execute("update read_models.shelf_jars set grams = 77")
    rebuild.swap(operator, await build_beside(operator, mapper))
    assert (await shelf.rows("shelf_jars"))["jar 3"]["grams"] == 0
    await do(shelf, filled(5, 3))
    assert (await shelf.rows("shelf_jars"))["jar 3"]["grams"] == 5
    old = by_state(operator, "retired")
    assert operator.execute("select grams from read_models.shelf_jars_v1").fetchall() == [(77,)]
    rebuild.drop(operator, old)
    assert operator.execute("select to_regclass('read_models.shelf_jars_v1')").fetchall() == [(None,)]


async def test_a_live_table_cannot_be_dropped(shelf: Embedded, operator: Connection[Row]) -> None:
    with pytest.raises(ValueError, match="is live"):
        rebuild.drop(operator, by_state(operator, "live"))


async def test_a_start_with_a_new_version_builds_it_from_the_journal(database: str, operator: Connection[Row]) -> None:
    async with embedded(database) as shelf:
        await asyncio.gather(*(do(shelf, opened(n)) for n in range(20)))
    newer = replace(SHELF, read_models=(replace(JARS, version=2), *SHELF.read_models[1:]))
    async with embedded(database, context=newer) as shelf:
        await do(shelf, opened(20))
        assert len(await shelf.rows("shelf_jars")) == 21
    assert by_state(operator, "live").version == 2
    assert by_state(operator, "retired").version == 1


async def test_an_erased_person_s_values_leave_the_read_models_and_a_rebuild_does_not_bring_them_back(
    shelf: Embedded, operator: Connection[Row], mapper: Mapper
) -> None:
    await asyncio.gather(*(do(shelf, opened(n)) for n in range(6)))
    await do(shelf, EraseSubject(at=START, partition_key="owner 1", erased="shelf:owner 1"))
    for _ in range(2):
        notes = {jar: row["note"] for jar, row in (await shelf.rows("shelf_jars")).items()}
        assert {jar for jar, note in notes.items() if note is None} == {"jar 1", "jar 4"}
        rebuild.swap(operator, await build_beside(operator, mapper))


def by_state(operator: Connection[Row], state: str) -> Registered:
    return next(row for row in rebuild.registered(operator) if row.name == "shelf_jars" and row.state == state)


def test_every_projection_of_the_context_is_known(mapper: Mapper) -> None:
    assert [p.name for p in known_projections([SHELF], mapper)] == ["shelf_jars", "shelf_owners", "shelf_reactions"]


def test_a_batch_concerns_the_tables_of_its_contexts_alone(mapper: Mapper) -> None:
    processor = Processor([SHELF], mapper)
    processor.adopt("shelf", 0, Head())
    batch = processor.decide([envelop(opened(0), "shelf", 1, "test", fresh=True)])
    types: defaultdict[str, str] = defaultdict(lambda: "text")
    projections = Projections([])
    projections.active = [
        Active(replace(jars(), context=context), f"read_models.{context}_jars", types)
        for context in ("pantry", "shelf")
    ]
    assert [table for table, _ in projections.project(batch).parts] == ["read_models.shelf_jars"]


async def test_a_read_model_that_no_code_lists_any_more_is_retired_at_the_start(shelf: Embedded) -> None:
    await do(shelf, opened(0))
    await shelf.runtime.gateway.stop()
    with connect_plain(shelf.runtime.dsn) as connection:
        rebuild.bring_up(connection, [replace(SHELF, read_models=())], mapper_of_shelf(), lambda _: None)
        states = {row.table: row.state for row in rebuild.registered(connection)}
        assert states["read_models.shelf_jars_v1"] == "retired"
        assert states["headwater.tasks:shelf"] == "live"
        kept = connection.execute("select count(*) from read_models.shelf_jars_v1").fetchone()
    assert kept == (1,)


async def test_an_erasure_reaches_a_table_that_has_halted_and_one_that_was_retired(shelf: Embedded) -> None:
    notes = "select count(*) from read_models.{} where owner = 'owner 0' and note is not null"
    await do(shelf, opened(0))
    async with await connect(shelf.runtime.dsn) as connection:
        await connection.execute("create table read_models.kept as select * from read_models.shelf_jars_v1")
        await connection.execute(
            "insert into headwater.projections (table_name, name, version, context, state, subject, personal)"
            " values ('read_models.kept', 'kept', 1, 'shelf', 'retired', 'owner', '{note}')"
        )
        await connection.execute("update headwater.installation set epoch = epoch + 1")
        await do(shelf, filled(666))
        assert (await row_of(shelf, "read_models.shelf_jars_v1")).halted_at is not None
        for table in ("kept", "shelf_jars_v1"):
            assert await (await connection.execute(notes.format(table).encode())).fetchone() == (1,)
        await do(shelf, EraseSubject(at=START, partition_key="owner 0", erased="shelf:owner 0"))
        for table in ("kept", "shelf_jars_v1"):
            assert await (await connection.execute(notes.format(table).encode())).fetchone() == (0,)

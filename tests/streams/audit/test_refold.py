"""Refolds: every stream folds to the state on which its decisions are based."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.messages import Event
from streams.audit.facts import Facts
from streams.audit.refold import Refolded, refold
from streams.core.envelope import Record
from streams.core.wiring import Context, EraseSubject, names_of
from streams.postgres.database import connect_plain
from tests.contract.runtimes import START, Embedded, do, embedded
from tests.contract.shelf import JAR, SHELF, FillJar, Jar, OpenJar, evolve_jar
from tests.streams.audit.logs import Log, of_the_first_version, rechained, store, usual


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Embedded]:
    async with embedded(database) as runtime:
        yield runtime


def refolded(shelf: Embedded, context: Context = SHELF, master_key: bytes | None = bytes(32)) -> Refolded:
    with connect_plain(shelf.runtime.dsn) as connection:
        return refold(connection, Facts(names_of([context]), master_key), [context], lambda _: None)


def fill(jar: str = "plums", owner: str = "ada") -> FillJar:
    return FillJar(at=START, jar=jar, owner=owner, grams=1)


async def long_history(shelf: Embedded) -> None:
    """A jar with a note and so many fillings that a snapshot of it is kept."""
    await do(shelf, OpenJar(at=START, jar="plums", owner="ada", note="for my aunt Agatha"))
    await asyncio.gather(*(do(shelf, fill()) for _ in range(250)))


async def test_every_stream_and_snapshot_folds_again(shelf: Embedded) -> None:
    await long_history(shelf)
    found = refolded(shelf)
    assert (found.fault, found.faults) == (None, 0)
    assert (found.streams, found.events, found.snapshots) == (2, 252, 1)


async def test_without_the_key_streams_fold_and_snapshots_are_not_compared(shelf: Embedded) -> None:
    await long_history(shelf)
    found = refolded(shelf, master_key=None)
    assert (found.fault, found.streams, found.snapshots) == (None, 2, 0)


async def test_streams_of_an_erased_person_fold(shelf: Embedded) -> None:
    await long_history(shelf)
    await do(shelf, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
    await asyncio.gather(*(do(shelf, fill()) for _ in range(250)))
    found = refolded(shelf)
    assert (found.fault, found.streams, found.events) == (None, 3, 503)


async def test_a_snapshot_that_was_tampered_with_is_found(shelf: Embedded) -> None:
    await long_history(shelf)
    with connect_plain(shelf.runtime.dsn) as connection:
        connection.execute("""update headwater.snapshots set state = convert_to(
            jsonb_set(convert_from(state, 'UTF8')::jsonb, '{grams}', '999')::text, 'UTF8')""")
    found = refolded(shelf)
    assert found.fault is not None
    assert "snapshot" in found.fault[1]


async def test_a_fold_that_raises_is_told_once_a_stream_and_the_others_go_on(shelf: Embedded) -> None:
    def evolve(jar: Jar, event: Event) -> Jar:
        if jar.grams == 1:
            raise ZeroDivisionError("a jar of one gram")
        return evolve_jar(jar, event)

    for jar in ("plums", "pears", "plums", "pears", "plums"):
        await do(shelf, fill(jar))
    broken = replace(SHELF.handlers[1], writes=replace(JAR, evolve=evolve))
    found = refolded(shelf, replace(SHELF, handlers=(broken,)))
    assert (found.faults, found.streams, found.events) == (2, 2, 5)
    assert found.fault is not None
    assert found.fault[1] == "shelf.jar.filled.v1: ZeroDivisionError: a jar of one gram"


async def test_an_event_that_today_s_code_does_not_know_is_told(shelf: Embedded) -> None:
    await do(shelf, fill())
    found = refolded(shelf, replace(SHELF, events=()))
    assert found.fault is not None
    assert "UnknownName" in found.fault[1]


async def test_a_stream_that_no_handler_knows_is_told(shelf: Embedded) -> None:
    await do(shelf, fill())
    found = refolded(shelf, replace(SHELF, handlers=()))
    assert found.fault is not None
    assert "no handler writes or reads streams of the category jar" in found.fault[1]


def test_a_log_with_outcomes_of_the_first_version_folds(log: Log) -> None:
    store(log, of_the_first_version(usual()))
    found = refold(log, Facts(names_of([SHELF])), [SHELF], lambda _: None)
    assert (found.fault, found.streams, found.events) == (None, 2, 5)


@pytest.mark.parametrize("made", [usual(), of_the_first_version(usual())], ids=["now", "before"])
def test_an_outcome_that_speaks_of_other_events_is_told(log: Log, made: list[Record]) -> None:
    store(log, rechained(record for record in made if record.sequence != 2))
    found = refold(log, Facts(names_of([SHELF])), [SHELF], lambda _: None)
    assert found.fault is not None
    assert str(found.fault[0]).endswith("/2")
    assert "does not speak of the 1 events" in found.fault[1]

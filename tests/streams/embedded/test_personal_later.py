"""A field that was plain becomes personal in a later release: what is stored is read, withheld and blanked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.messages import Command, Event
from streams.audit.erasures import PlainCopies, plain_copies
from streams.audit.facts import Facts
from streams.audit.refold import refold
from streams.core.envelope import Recorded
from streams.core.read_models import Change, put
from streams.core.wiring import Handler, names_of
from streams.postgres.database import connect_plain
from tests.contract.runtimes import START, Embedded, do, embedded, fill
from tests.contract.shelf import JAR, JARS, OWNER, SHELF, Jar, JarOpened, OpenJar, Owner, OwnerCounted, project_jars
from tests.contract.test_erasure import erase

NOTE = "for my aunt Agatha"
NAMES = names_of([SHELF])
OPENING = UUID(int=7)


class FormerJarOpened(Event, name="shelf.jar.opened.v1"):
    """As an earlier release had it: the note is plain, and nobody is named as its subject."""

    jar: str
    owner: str
    note: str = ""


class FormerOpenJar(Command, name="shelf.jar.open.v1", key="owner"):
    jar: str
    owner: str
    note: str = ""


def former_open(command: FormerOpenJar, jar: Jar, _owner: Owner) -> Sequence[Event]:
    opened = FormerJarOpened(at=command.at, jar=command.jar, owner=command.owner, note=command.note)
    return [opened, OwnerCounted(at=command.at, owner=command.owner)]


def former_project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case FormerJarOpened() as opened:
            yield put(opened.jar, owner=opened.owner, note=opened.note, grams=0, opened_at=opened.at)
        case _:
            yield from project_jars(event)


FORMER = replace(
    SHELF,
    events=tuple(FormerJarOpened if one is JarOpened else one for one in SHELF.events),
    handlers=tuple(
        Handler(FormerOpenJar, decide=former_open, writes=JAR, reads=(OWNER,)) if one.command is OpenJar else one
        for one in SHELF.handlers
    ),
    read_models=tuple(
        replace(one, project=former_project, subject=None, personal=()) if one is JARS else one
        for one in SHELF.read_models
    ),
)


@pytest.fixture
async def recorded(database: str) -> str:
    """A database in which the earlier release has recorded a note in clear."""
    async with embedded(database, FORMER) as former:
        await do(former, FormerOpenJar(at=START, jar="plums", owner="ada", note=NOTE), command_id=OPENING)
    return database


async def note_in_outcome(shelf: Embedded) -> str | None:
    outcome = await shelf.outcome(OPENING)
    assert outcome is not None
    return outcome.only(JarOpened).note


def rows(dsn: str, table: str) -> list[tuple[object, ...]]:
    with connect_plain(dsn) as connection:
        return connection.execute(f"select note from {table}".encode()).fetchall()


async def test_a_later_release_starts_reads_what_was_plain_and_goes_on(recorded: str) -> None:
    async with embedded(recorded) as shelf:
        assert await note_in_outcome(shelf) == NOTE
        assert (await do(shelf, fill(5))).problem is None
    with connect_plain(recorded) as connection:
        refolded = refold(connection, Facts(NAMES, bytes(32)), [SHELF], lambda _: None)
    assert (refolded.faults, rows(recorded, "shelf_jars")) == (0, [(NOTE,)])


async def test_what_was_plain_is_withheld_and_blanked_once_its_subject_is_erased(recorded: str) -> None:
    async with embedded(recorded) as shelf:
        await do(shelf, fill(5))
        await do(shelf, erase("ada", "shelf:ada"))
        assert await note_in_outcome(shelf) is None
    assert rows(recorded, "shelf_jars") == [(None,)]


async def test_a_table_that_is_built_after_the_erasure_holds_nothing_of_it(recorded: str) -> None:
    async with embedded(recorded) as shelf:
        await do(shelf, erase("ada", "shelf:ada"))
    newer = tuple(replace(model, version=2) for model in SHELF.read_models)
    async with embedded(recorded, replace(SHELF, read_models=newer)):
        assert rows(recorded, "shelf_jars") == [(None,)]


async def test_who_was_erased_by_the_earlier_release_is_withheld_and_blanked_at_the_start(recorded: str) -> None:
    async with embedded(recorded, FORMER) as former:
        await do(former, erase("ada", "shelf:ada"))
    assert rows(recorded, "shelf_jars") == [(NOTE,)]
    async with embedded(recorded) as shelf:
        assert await note_in_outcome(shelf) is None
        assert rows(recorded, "shelf_jars") == [(None,)]


async def test_what_the_log_keeps_in_clear_is_counted(recorded: str) -> None:
    async with embedded(recorded) as shelf:
        await do(shelf, OpenJar(at=START, jar="pears", owner="ada", note="sealed"))
    with connect_plain(recorded) as connection:
        assert plain_copies(connection, NAMES, "shelf:ada") == PlainCopies(1, ["note"])
        assert plain_copies(connection, NAMES, "shelf:bob") == PlainCopies(0, [])


async def test_without_the_master_key_no_value_is_shown_in_clear_or_not(recorded: str) -> None:
    with connect_plain(recorded) as connection:
        mapped = Facts(NAMES, None).select(connection, "where j.name = 'shelf.jar.opened.v1'", ())
        with connection.transaction():
            assert [one.fact for one in mapped] == [JarOpened(at=START, jar="plums", owner="ada", note=None)]

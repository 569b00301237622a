"""Past read models, differences, the events behind a row, and the chain of causes back to a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag

from domain.messages import Command
from streams.audit.causes import why, why_row
from streams.audit.facts import Facts
from streams.audit.history import CannotProject, Until, as_of, diff, dossier, events_behind
from streams.core.envelope import Decided, Outcome, Position, Recorded
from streams.core.gateway import envelop
from streams.core.read_models import Add, Change, ReadModel, add
from streams.core.wiring import EraseSubject, SubjectErased, names_of
from streams.postgres.database import connect_plain
from tests.contract.runtimes import PARTITIONS, START, Embedded, do, embedded
from tests.contract.shelf import JARS, OWNERS, SHELF, FillJar, JarFilled, JarOpened, OpenJar, OrderFilling
from tests.streams.audit.logs import Log

CLOSED = Facts(names_of([SHELF]))
HOUR = timedelta(hours=1)


def opened() -> Facts:
    return Facts(names_of([SHELF]), bytes(32))


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Embedded]:
    async with embedded(database) as runtime:
        yield runtime


@pytest.fixture
def log(shelf: Embedded) -> Iterator[Log]:
    with connect_plain(shelf.runtime.dsn) as connection:
        yield connection


def opening(jar: str, owner: str, at: datetime = START) -> OpenJar:
    return OpenJar(at=at, jar=jar, owner=owner, note="for my aunt Agatha")


def filling(grams: int, at: datetime = START, jar: str = "plums", owner: str = "ada") -> FillJar:
    return FillJar(at=at, jar=jar, owner=owner, grams=grams)


async def hourly(shelf: Embedded) -> list[Outcome]:
    """Ada opens a jar and fills it twice, bob opens one, an hour apart each."""
    asked: list[Command] = [
        opening("plums", "ada"),
        filling(100, START + HOUR),
        opening("pears", "bob", START + 2 * HOUR),
        filling(20, START + 3 * HOUR),
    ]
    return [await do(shelf, command) for command in asked]


def grams(log: Log, until: Until) -> dict[str, int]:
    return {row["jar"]: row["grams"] for row in as_of(log, CLOSED, "shelf", JARS, until).values()}


@pytest.mark.parametrize("model", [JARS, OWNERS])
async def test_a_read_model_as_of_now_is_the_live_one(shelf: Embedded, log: Log, model: ReadModel) -> None:
    await hourly(shelf)
    live = await shelf.rows(model.name)
    assert as_of(log, opened(), "shelf", model) == {(key,): row for key, row in live.items()}


async def test_a_read_model_as_it_was_at_a_time(shelf: Embedded, log: Log) -> None:
    await hourly(shelf)
    assert grams(log, START - HOUR) == {}
    assert grams(log, START) == {"plums": 0}
    assert grams(log, START + HOUR) == {"plums": 100}
    assert grams(log, START + 2 * HOUR) == {"plums": 100, "pears": 0}
    assert grams(log, START + 9 * HOUR) == {"plums": 120, "pears": 0}


async def test_a_read_model_as_it_was_at_a_position_shows_other_partitions_at_that_time(
    shelf: Embedded, log: Log
) -> None:
    _, filled, bobs, again = await hourly(shelf)
    assert bobs.position.partition != filled.position.partition
    assert grams(log, filled.position) == {"plums": 100}
    assert grams(log, filled.position._replace(sequence=filled.position.sequence - 2)) == {"plums": 0}
    assert grams(log, bobs.position) == {"plums": 100, "pears": 0}
    assert grams(log, again.position) == {"plums": 120, "pears": 0}


async def test_what_happened_elsewhere_at_the_very_time_of_a_position_is_shown(shelf: Embedded, log: Log) -> None:
    await do(shelf, opening("plums", "ada"))
    bobs = await do(shelf, opening("pears", "bob"))
    assert grams(log, bobs.position) == {"plums": 0, "pears": 0}


async def test_looking_back_leaves_nothing_behind(shelf: Embedded, log: Log) -> None:
    await hourly(shelf)
    assert as_of(log, CLOSED, "shelf", JARS) == as_of(log, CLOSED, "shelf", JARS)
    assert log.execute("select to_regclass('pg_temp.shelf_jars')").fetchone() == (None,)


async def test_personal_values_are_shown_to_who_has_the_key_and_asks(shelf: Embedded, log: Log) -> None:
    await do(shelf, opening("plums", "ada"))
    assert as_of(log, opened(), "shelf", JARS)["plums",]["note"] == "for my aunt Agatha"
    assert as_of(log, CLOSED, "shelf", JARS)["plums",]["note"] is None
    with pytest.raises(InvalidTag):
        as_of(log, Facts(names_of([SHELF]), bytes(31) + b"x"), "shelf", JARS)


async def test_what_was_erased_stays_erased_in_the_past(shelf: Embedded, log: Log) -> None:
    before = await do(shelf, opening("plums", "ada"))
    await do(shelf, EraseSubject(at=START + HOUR, partition_key="ada", erased="shelf:ada"))
    assert as_of(log, opened(), "shelf", JARS, before.position)["plums",]["note"] is None


@pytest.mark.parametrize(
    ("until", "error"),
    [
        (Position("shelf", 0, 99), LookupError),
        (Position("attic", 0, 1), ValueError),
        (START.replace(tzinfo=None), ValueError),
    ],
)
async def test_a_moment_that_never_was_is_named(log: Log, until: Until, error: type[Exception]) -> None:
    with pytest.raises(error):
        as_of(log, CLOSED, "shelf", JARS, until)


async def test_a_model_that_raises_says_on_which_event(shelf: Embedded, log: Log) -> None:
    outcome = await do(shelf, filling(666))
    event = outcome.position._replace(sequence=1)
    with pytest.raises(CannotProject, match=rf"ValueError in shelf.py.*{event}"):
        as_of(log, CLOSED, "shelf", JARS)
    with pytest.raises(CannotProject, match=rf"ValueError in shelf.py.*{event}"):
        events_behind(log, CLOSED, "shelf", JARS, ["plums"])


async def test_a_difference_shows_rows_that_came_and_columns_that_changed(shelf: Embedded, log: Log) -> None:
    await hourly(shelf)
    came, changed = diff(log, CLOSED, "shelf", JARS, START, START + 3 * HOUR)
    assert (came.key, came.before, came.after and came.after["owner"]) == (("pears",), None, "bob")
    assert (changed.key, changed.columns) == (("plums",), ("grams",))
    assert (changed.before and changed.before["grams"], changed.after and changed.after["grams"]) == (0, 120)


async def test_a_difference_backwards_shows_rows_that_are_gone(shelf: Embedded, log: Log) -> None:
    await hourly(shelf)
    differences = diff(log, CLOSED, "shelf", OWNERS, None, START)
    assert [(one.key, one.after) for one in differences] == [(("bob",), None)]
    assert diff(log, CLOSED, "shelf", OWNERS, START, START) == []


async def test_the_events_behind_a_row_are_those_that_changed_it(shelf: Embedded, log: Log) -> None:
    await hourly(shelf)
    touches = events_behind(log, CLOSED, "shelf", JARS, ["plums"])
    assert [type(touch.event.fact) for touch in touches] == [JarOpened, JarFilled, JarFilled]
    assert touches[1].changes == (Add(("plums",), {"grams": 100}),)
    assert len(events_behind(log, CLOSED, "shelf", JARS, ["plums"], START + HOUR)) == 2
    assert events_behind(log, CLOSED, "shelf", JARS, ["apples"]) == []


async def test_a_row_s_key_may_be_given_as_text(shelf: Embedded, log: Log) -> None:
    def project(event: Recorded[Any]) -> Iterator[Change]:
        if isinstance(event.fact, JarFilled):
            yield add(UUID(int=event.fact.grams), 7, jars=1)

    by_weight = replace(OWNERS, name="by_weight", key=("weight", "shelf"), project=project)
    await do(shelf, filling(5))
    assert len(events_behind(log, CLOSED, "shelf", by_weight, [str(UUID(int=5)), "7"])) == 1


async def ordered(shelf: Embedded) -> tuple[UUID, UUID]:
    """Ada orders a filling, which is supplied; the command's id and the request's."""
    command, request = uuid4(), uuid4()
    order = OrderFilling(at=START, jar="plums", owner="ada", grams=1)
    await shelf.submit(envelop(order, "shelf", PARTITIONS, "client:ada", command, correlation_id=request))
    await shelf.settle()
    return command, request


CHAIN = [
    ("shelf.jar.filled.v1", "task", "shelf.jar.record_supply.v1"),
    ("shelf.jar.ordered.v1", "client", "shelf.jar.order.v1"),
]


async def test_a_row_is_explained_back_to_the_request_that_began_it(shelf: Embedded, log: Log) -> None:
    command, request = await ordered(shelf)
    steps = why_row(log, CLOSED, "shelf", JARS, ["plums"])
    assert [(step.name, step.actor.partition(":")[0], step.command) for step in steps] == CHAIN
    assert {step.correlation_id for step in steps} == {request}
    assert (steps[-1].command_id, steps[-1].causation_id, steps[-1].at) == (command, None, START)


async def test_a_position_an_event_and_a_command_are_explained_alike(shelf: Embedded, log: Log) -> None:
    command, _ = await ordered(shelf)
    supplied = next(record for record in await shelf.journal() if record.name == "shelf.jar.supplied.v1")
    assert why(log, supplied.position) == why(log, supplied.event_id)
    assert [step.name for step in why(log, supplied.command_id)] == [
        "headwater.command.decided.v2",
        "shelf.jar.ordered.v1",
    ]
    assert [step.command for step in why(log, command)] == ["shelf.jar.order.v1"]


async def test_a_cause_with_another_correlation_is_found_all_the_same(shelf: Embedded, log: Log) -> None:
    await ordered(shelf)
    log.execute("update headwater.journal set correlation_id = gen_random_uuid() where actor like 'client:%'")
    assert [step.name for step in why_row(log, CLOSED, "shelf", JARS, ["plums"])] == [name for name, *_ in CHAIN]


async def test_a_cause_that_is_not_in_the_log_ends_the_chain_and_is_named(shelf: Embedded, log: Log) -> None:
    cause = uuid4()
    outcome = await do(shelf, filling(1), causation_id=cause)
    (step,) = why(log, outcome.position)
    assert step.causation_id == cause


async def test_causes_that_go_round_in_circles_do_not_hang(shelf: Embedded, log: Log) -> None:
    outcome = await do(shelf, filling(1))
    log.execute("update headwater.journal set causation_id = event_id")
    assert len(why(log, outcome.position)) == 1


async def test_what_is_not_recorded_has_no_reason(log: Log) -> None:
    for what in (uuid4(), Position("shelf", 0, 1)):
        with pytest.raises(LookupError):
            why(log, what)
    with pytest.raises(LookupError, match="apples"):
        why_row(log, CLOSED, "shelf", JARS, ["apples"])


async def test_a_dossier_holds_all_that_is_recorded_of_a_person_and_of_nobody_else(shelf: Embedded, log: Log) -> None:
    for jar, owner, at in (("pears", "ada", START + HOUR), ("plums", "ada", START), ("figs", "bob", START)):
        await do(shelf, opening(jar, owner, at))
    events = [recorded.fact for recorded in dossier(log, opened(), "shelf:ada")]
    assert [(event.jar, event.note) for event in events if isinstance(event, JarOpened)] == [
        ("plums", "for my aunt Agatha"),
        ("pears", "for my aunt Agatha"),
    ]
    commands = [event.sealed for event in events if isinstance(event, Decided)]
    assert [command and command["jar"] for command in commands] == ["plums", "pears"]
    assert len(events) == 4
    assert "Agatha" not in str(dossier(log, CLOSED, "shelf:ada"))


async def test_a_dossier_of_an_erased_person_holds_the_erasure_and_no_values(shelf: Embedded, log: Log) -> None:
    await do(shelf, opening("plums", "ada"))
    await do(shelf, EraseSubject(at=START + HOUR, partition_key="ada", erased="shelf:ada"))
    events = [recorded.fact for recorded in dossier(log, opened(), "shelf:ada")]
    assert list(map(type, events)) == [JarOpened, Decided, SubjectErased, Decided]
    assert "Agatha" not in str(events)


async def test_a_dossier_holds_what_lies_under_a_person_s_own_key_and_names_nobody(shelf: Embedded, log: Log) -> None:
    await do(shelf, filling(1))
    await do(shelf, opening("figs", "bob"))
    assert dossier(log, opened(), "shelf:ada") == []
    found = [type(recorded.fact) for recorded in dossier(log, opened(), "shelf:ada", ["ada"])]
    assert found == [JarFilled, Decided]

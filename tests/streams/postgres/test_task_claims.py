"""The statements on tasks: each touches the rows that it names, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from streams.core.read_models import Row
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.task_claims import END, claim, claim_of_keys, keep, next_due, retry, waiting_keys
from tests.contract.shelf import SHELF

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CONTEXTS = ["shelf"]


@pytest.fixture
def tasks(database: str) -> Iterator[Connection[Row]]:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        yield connection


def task(
    tasks: Connection[Row],
    name: str,
    key: str = "ada",
    kind: str = "call",
    seconds: int = 0,
    state: str = "waiting",
    context: str = "shelf",
) -> UUID:
    """A task that was due so many seconds ago, held by this worker unless it waits."""
    id_ = uuid4()
    tasks.execute(
        "insert into headwater.tasks (id, context, kind, state, due_at, name, key, body, correlation_id, event_id,"
        " owner, lease_until) values (%s, %s, %s, %s, %s, %s, %s, '{}', %s, %s, %s, now())",
        (id_, context, kind, state, NOW - timedelta(seconds=seconds), name, key, id_, id_, "me"),
    )
    return id_


def states(tasks: Connection[Row]) -> dict[UUID, str]:
    return dict(tasks.execute("select id, state from headwater.tasks").fetchall())


def claimed(tasks: Connection[Row], timers: int = 9, share: int = 9, **rooms: int) -> list[UUID]:
    rows = tasks.execute(*claim("me", 30.0, NOW, CONTEXTS, timers, rooms, share)).fetchall()
    return [row[0] for row in rows]


def test_a_finished_task_is_removed_by_its_owner_alone_and_no_other_task_with_it(tasks: Connection[Row]) -> None:
    one, other = (task(tasks, "call", state="running") for _ in range(2))
    tasks.execute(END, (one, "somebody else"))
    assert set(states(tasks)) == {one, other}
    tasks.execute(END, (one, "me"))
    assert set(states(tasks)) == {other}


def test_of_each_name_what_is_due_longest_is_claimed_as_far_as_there_is_room(tasks: Connection[Row]) -> None:
    calls = [task(tasks, "sms", f"key {n}", seconds=n) for n in range(4)]
    letter, timer, unknown = task(tasks, "mail"), task(tasks, "wake", kind="timer"), task(tasks, "fax")
    task(tasks, "sms", seconds=-1)
    task(tasks, "sms", context="elsewhere")
    assert set(claimed(tasks, sms=2, mail=5)) == {calls[3], calls[2], letter, timer}
    assert states(tasks)[unknown] == "waiting"
    assert claimed(tasks, sms=1, timers=0) == [calls[1]]


def test_timers_have_a_room_of_their_own(tasks: Connection[Row]) -> None:
    first, second = (task(tasks, "wake", kind="timer", seconds=2 - n) for n in range(2))
    assert claimed(tasks, timers=1, wake=5) == [first]
    assert claimed(tasks, timers=5) == [second]


def test_one_claim_takes_no_more_than_a_share_for_a_key(tasks: Connection[Row]) -> None:
    greedy = [task(tasks, "sms", "ada", seconds=9 - n) for n in range(5)]
    other = task(tasks, "sms", "bob")
    assert claimed(tasks, share=2, sms=9) == [*greedy[:2], other]


def test_keys_are_found_in_their_order_each_with_its_first_due_time(tasks: Connection[Row]) -> None:
    for key, seconds in (("a", 1), ("a", 5), ("b", -7), ("c", 2)):
        task(tasks, "sms", key, seconds=seconds)
    task(tasks, "mail", "aa")
    task(tasks, "sms", "bb", state="running")
    first = {"a": 5, "b": -7, "c": 2}
    found = [(key, NOW - timedelta(seconds=seconds)) for key, seconds in first.items()]
    assert tasks.execute(*waiting_keys("sms", "", 9)).fetchall() == found
    assert tasks.execute(*waiting_keys("sms", "", 2)).fetchall() == found[:2]
    assert tasks.execute(*waiting_keys("sms", "a", 9)).fetchall() == found[1:]


def test_a_claim_by_key_takes_so_many_of_each(tasks: Connection[Row]) -> None:
    ada = [task(tasks, "sms", "ada", seconds=9 - n) for n in range(3)]
    bob = [task(tasks, "sms", "bob", seconds=3), task(tasks, "sms", "bob", seconds=-3)]
    task(tasks, "mail", "ada")
    found = tasks.execute(*claim_of_keys("me", 30.0, NOW, CONTEXTS, "sms", {"ada": 2, "bob": 5})).fetchall()
    assert [row[0] for row in found] == [*ada[:2], bob[0]]


def test_what_another_worker_is_claiming_is_passed_over_and_the_next_ones_are_taken(
    tasks: Connection[Row], database: str
) -> None:
    ids = [task(tasks, "sms", f"key {n}", seconds=9 - n) for n in range(4)]
    with connect_plain(database) as other, other.transaction():
        assert claimed(other, sms=2) == ids[:2]
        assert claimed(tasks, sms=2) == ids[2:]


def test_the_next_due_time_is_that_of_what_is_not_due_yet(tasks: Connection[Row]) -> None:
    for name, kind, seconds in (("sms", "call", 1), ("sms", "call", -5), ("wake", "timer", -9), ("fax", "call", -2)):
        task(tasks, name, kind=kind, seconds=seconds)
    assert tasks.execute(*next_due(NOW, CONTEXTS, ["sms"])).fetchall() == [(NOW + timedelta(seconds=5),)]
    assert tasks.execute(*next_due(NOW, CONTEXTS, [])).fetchall() == [(NOW + timedelta(seconds=9),)]
    assert tasks.execute(*next_due(NOW, ["elsewhere"], ["sms"])).fetchall() == [(None,)]


def test_a_kept_task_is_out_of_the_way_and_a_retry_lets_it_go_on_as_far_as_it_had_come(tasks: Connection[Row]) -> None:
    begun, unbegun, answered, unreadable, timer = (
        task(tasks, "sms", kind=kind, state="running") for kind in ("call", "call", "call", "call", "timer")
    )
    tasks.execute(*keep(begun, "me", "failed", "a bug"))
    tasks.execute(*keep(unbegun, "me", "failed", "a bug", begun=False))
    tasks.execute(*keep(answered, "me", "failed", "a bug", '{"attempt": {}}'))
    tasks.execute(*keep(unreadable, "me", "unreadable", "no such name"))
    tasks.execute(*keep(timer, "me", "failed", "a bug"))
    tasks.execute(*keep(timer, "somebody else", "unreadable", "not mine"))
    assert claimed(tasks, sms=9) == []
    tasks.execute(*retry(["elsewhere"]))
    assert set(states(tasks).values()) == {"failed", "unreadable"}
    tasks.execute(*retry(CONTEXTS))
    assert {id_ for id_, state in states(tasks).items() if state == "waiting"} == {unbegun, answered, unreadable, timer}
    assert states(tasks)[begun] == "running"
    found = tasks.execute("select id, answered, reply_body::text, error, owner from headwater.tasks").fetchall()
    kept = {id_: rest for id_, *rest in found}
    assert kept[answered] == [True, '{"attempt": {}}', None, None]
    assert kept[begun] == [False, None, None, None]

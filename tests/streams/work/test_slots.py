"""The slots of one name: its own number, the share of a key, and what is left to keys with less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streams.work.slots import PAGE, SHARE, SLOTS, Slots

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def slots(**held: int) -> Slots:
    """Slots of which keys hold so many."""
    made = Slots()
    for key, number in held.items():
        for _ in range(number):
            made.take(key)
    return made


def test_a_name_has_so_many_slots_and_a_freed_one_is_free_again() -> None:
    full = slots(ada=SLOTS)
    assert full.room == 0
    full.free("ada")
    assert full.room == 1
    assert slots(ada=SLOTS + 3).room == 0


def test_a_name_is_crowded_once_a_key_holds_its_share() -> None:
    held = slots(ada=SHARE - 1, bob=SHARE - 1)
    assert not held.crowded
    held.take("bob")
    assert held.crowded
    held.free("bob")
    assert not held.crowded
    assert not slots().crowded


def test_a_key_gets_what_it_lacks_of_its_share_and_one_that_holds_it_nothing_while_others_wait() -> None:
    held = slots(ada=SHARE, bob=SHARE - 2)
    assert held.rooms([("ada", NOW), ("bob", NOW), ("eve", NOW)], NOW) == {"bob": 2, "eve": SHARE}


def test_what_is_due_longest_comes_first_and_what_is_not_due_not_at_all() -> None:
    held = slots(ada=SLOTS - 1)
    assert held.rooms([("bob", NOW), ("eve", NOW - timedelta(seconds=1)), ("tom", LATER)], NOW) == {"eve": 1}
    assert held.rooms([("tom", LATER)], NOW) == {}


def test_a_key_that_waits_alone_has_all_slots_but_those_that_stay_free_for_others() -> None:
    held = slots(ada=SHARE)
    assert held.rooms([("ada", NOW)], NOW) == {"ada": SLOTS - 2 * SHARE}
    assert slots(ada=SLOTS - SHARE).rooms([("ada", NOW)], NOW) == {}
    assert slots(ada=SLOTS - SHARE).rooms([("ada", NOW), ("bob", NOW)], NOW) == {"bob": SHARE}


def test_keys_that_do_not_fit_into_one_page_have_their_turn_in_the_next_ones() -> None:
    held = slots()
    page = [(f"{number:03}", NOW) for number in range(PAGE)]
    assert held.turn(page)
    assert held.after == page[-1][0]
    assert slots(**{"000": SHARE}).rooms([("000", NOW)] * PAGE, NOW) == {}, "others may wait on the next page"
    assert not held.turn(page[:-1])
    assert held.after == ""

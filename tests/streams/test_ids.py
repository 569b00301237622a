"""Ids are what the standard library would have made."""

from __future__ import annotations

from uuid import RFC_4122, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from streams.envelope import event_id
from streams.ids import derived_id, random_id


@given(st.uuids(), st.text(st.characters(codec="utf-8")))
def test_a_derived_id_is_a_uuid5(namespace: UUID, name: str) -> None:
    assert derived_id(namespace, name) == uuid5(namespace, name)


@given(st.uuids(), st.integers(0, 10_000))
def test_the_id_of_an_event_derives_from_its_command_and_its_number(command_id: UUID, number: int) -> None:
    assert event_id(command_id, number) == uuid5(command_id, str(number))


def test_random_ids_are_uuid4s_and_never_the_same() -> None:
    made = [random_id() for _ in range(1_000)]
    assert len(set(made)) == len(made)
    assert {(id_.version, id_.variant) for id_ in made} == {(4, RFC_4122)}
    assert [UUID(str(id_)) for id_ in made] == made

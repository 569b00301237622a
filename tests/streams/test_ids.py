"""Derived ids: equal to the ids of the standard library."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from streams.core.envelope import event_id
from streams.core.ids import derived_id


@given(st.uuids(), st.text(st.characters(codec="utf-8")))
def test_a_derived_id_is_a_uuid5(namespace: UUID, name: str) -> None:
    assert derived_id(namespace, name) == uuid5(namespace, name)


@given(st.uuids(), st.integers(0, 10_000))
def test_the_id_of_an_event_derives_from_its_command_and_its_number(command_id: UUID, number: int) -> None:
    assert event_id(command_id, number) == uuid5(command_id, str(number))

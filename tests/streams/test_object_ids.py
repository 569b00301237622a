"""The objects that events name: found wherever their fields stand, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from domain.messages import Event, ForgottenObject, ObjectId
from streams.core.envelope import GENESIS, Record, Recorded
from streams.core.object_ids import NamedObject, marked_fields, objects_in

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ONE, TWO, THREE, FOUR, FIVE = (str(UUID(int=number)) for number in range(1, 6))


class Page(BaseModel):
    picture: ObjectId | None = None
    words: str = ""
    below: tuple[Page, ...] = ()


class Filed(Event, name="shelf.file.filed.v1"):
    original: ObjectId
    text: ObjectId | None = None
    parts: tuple[ObjectId, ...] = ()
    named: Mapping[str, ObjectId] = Field(default_factory=dict)
    pages: Sequence[Page] = ()
    words: str = ""
    former: ForgottenObject | None = None


class Noted(Event, name="shelf.file.noted.v1"):
    words: str
    pages: tuple[str, ...] = ()


def recorded(fact: Event, subject: str | None = "shelf:ada") -> Recorded[Event]:
    id_ = UUID(int=9)
    command = (id_, None, id_, "test", AT, GENESIS)
    record = Record("shelf", 0, 1, id_, "ada", "file/1", 1, fact.name, subject, b"", *command)
    return Recorded(fact, record)


def ids(fact: Event, kept: bool) -> list[str]:
    return [one.id for one in objects_in([recorded(fact)], kept)]


def test_an_event_names_objects_alone_in_lists_in_maps_and_in_models_below_it() -> None:
    pages = [Page(words=FIVE, below=(Page(picture=FOUR),))]
    filed = Filed(at=AT, original=ONE, parts=(TWO,), named={FIVE: THREE}, pages=pages, words=FIVE, former=FIVE)
    assert ids(filed, kept=True) == [ONE, TWO, THREE, FOUR]
    assert ids(filed, kept=False) == [FIVE]


def test_an_object_is_named_with_the_context_key_and_subject_of_the_event() -> None:
    filed = Filed(at=AT, original=ONE)
    assert list(objects_in([recorded(filed)], kept=True)) == [NamedObject("shelf", "ada", "shelf:ada", ONE)]


def test_a_text_that_is_no_uuid_names_nothing_and_another_spelling_names_the_same() -> None:
    filed = Filed(at=AT, original="plum.png", text=UUID(ONE).hex.upper())
    assert ids(filed, kept=True) == [ONE]


def test_an_event_without_such_fields_names_nothing() -> None:
    assert marked_fields(Noted, True) == ()
    assert ids(Noted(at=AT, words=ONE, pages=(TWO,)), kept=True) == []

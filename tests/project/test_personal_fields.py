"""Free texts from outside in messages: each is personal, or listed in `texts_in_clear` with the reason why not."""

from __future__ import annotations

from operator import attrgetter

import pytest
from pydantic import BaseModel, JsonValue

from commands.outbox import RecordForgotten
from commands.webhooks import RecordDelivery
from domain.messages import Event, Personal, Remark, Reply, ReplyAboutPerson
from streams.core.wiring import Context
from tests.commands.contexts import every_context
from tests.contract.shelf import SHELF
from tests.project.text_fields import messages, unsealed_texts
from tests.project.texts_in_clear import EVERYWHERE, OF_CONTEXT

OWN_WORDS = {RecordDelivery, RecordForgotten}
"""Replies about a person to calls that no outside party answers in words."""


def in_clear(context: str | None = None) -> list[str]:
    """The listed texts: those of every context, and a context's own, or all contexts'."""
    own = [listed for name, listed in OF_CONTEXT.items() if context in (None, name)]
    return [text for listed in (EVERYWHERE, *own) for texts in listed.values() for text in texts.split()]


@pytest.mark.parametrize("context", every_context(), ids=attrgetter("name"))
def test_every_text_in_a_message_is_personal_or_listed_with_the_reason(context: Context) -> None:
    found = unsealed_texts(messages([context]))
    assert sorted(found.difference(in_clear(context.name))) == [], "personal, or listed with the reason why not?"


def test_what_is_listed_is_a_text_in_clear_and_has_one_reason() -> None:
    listed = in_clear()
    assert sorted(set(listed) - unsealed_texts(messages(every_context()))) == []
    assert len(listed) == len(set(listed))


def test_of_a_reply_about_a_person_the_words_are_sealed() -> None:
    replies = {one for one in messages(every_context()) if issubclass(one, Reply) and one.subject_field is not None}
    plain = {one for one in replies if not issubclass(one, ReplyAboutPerson) and "attempt" not in one.personal_fields}
    assert plain == OWN_WORDS


def test_whatever_is_personal_says_of_whom() -> None:
    """A value without a subject cannot be sealed; an effect may make its subject of more than one field."""
    nameless = {
        one.name for one in messages([*every_context(), SHELF]) if one.personal_fields and not one.subject_field
    }
    assert nameless == set()


class Inner(BaseModel):
    note: str
    code: int


class Everything(Event, name="house.test.everything.v1", subject="person"):
    person: int
    secret: Personal[str]
    remark: Remark = None
    plain: str
    maybe: str | None
    listed: tuple[str, ...]
    mapped: dict[str, int]
    json_value: JsonValue
    inner: tuple[Inner, ...] | None


@pytest.mark.parametrize(
    "field", ["Everything.plain", "Everything.maybe", "Everything.listed", "Everything.mapped", "Everything.json_value"]
)
def test_a_text_is_found_in_every_kind_of_field(field: str) -> None:
    assert field in unsealed_texts([Everything])


def test_a_text_is_found_in_what_a_field_is_made_of_and_no_personal_one_is() -> None:
    found = unsealed_texts([Everything])
    assert "Inner.note" in found
    assert found.isdisjoint({"Inner.code", "Everything.secret", "Everything.remark", "Everything.person"})

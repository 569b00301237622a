"""A refusal's name, which recorded outcomes hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.messages import Event, Personal, Refused


class TooHeavy(Refused, name="scales.too_heavy", formerly=("TooMuch", "scales.too_much")):
    pass


class TooLight(Refused, name="scales.too_light", formerly="TooLittle"):
    pass


def test_a_refusal_has_its_name_and_the_former_ones_be_they_one_or_several() -> None:
    assert (TooHeavy.name, TooHeavy.formerly) == ("scales.too_heavy", ("TooMuch", "scales.too_much"))
    assert (TooLight.name, TooLight.formerly) == ("scales.too_light", ("TooLittle",))


def test_a_refusal_without_a_name_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="'name'"):
        type("Nameless", (Refused,), {})
    with pytest.raises(TypeError, match="'name'"):
        type("Inheriting", (TooHeavy,), {})


@pytest.mark.parametrize("name", ["", "TooHeavy", "scales.TooHeavy", "scales.", "too_heavy", "scales.weight.too_heavy"])
def test_a_refusals_name_is_its_context_and_a_word_in_snake_case(name: str) -> None:
    with pytest.raises(ValueError, match=r"named context\.snake_case; Misnamed is named"):
        type("Misnamed", (Refused,), {}, name=name)


def test_only_a_refusal_with_a_name_can_be_raised() -> None:
    with pytest.raises(TypeError, match="raise a subclass"):
        Refused("the scales are broken")


class Note(Event, name="shelf.note.made.v1", subject="about"):
    subject_in_full = True
    about: str
    text: Personal[str]


class Title(Event, name="shelf.title.made.v1"):
    text: str


def test_only_what_is_about_a_person_is_sealed() -> None:
    made = datetime(2025, 1, 27, tzinfo=UTC)
    about_ann = Note(at=made, about="shelf:ann", text="x")
    assert (about_ann.subject, about_ann.seals) == ("shelf:ann", True)
    about_nobody = Note(at=made, about="", text="x")
    assert (about_nobody.subject, about_nobody.seals) == (None, False)
    assert Title(at=made, text="x").seals is False

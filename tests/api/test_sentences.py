"""Sentences for pydantic's errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema

from api.errors import field_errors
from api.fields import Form
from api.sentences import SENTENCES
from tests.api.conformance import LIBRARY


class Inner(BaseModel):
    number: int
    kind: Literal["a", "b"]


class Outer(BaseModel):
    inner: Inner
    many: dict[Literal["x"], list[Inner]]


def told(adapter: TypeAdapter[Any], content: str) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as raised:
        adapter.validate_json(content)
    return [(one.field, one.message) for one in field_errors(raised.value)]


def test_every_type_with_a_sentence_is_one_of_pydantics() -> None:
    assert SENTENCES.keys() <= set(get_args(core_schema.ErrorType))


def test_no_sentence_talks_as_the_library_does() -> None:
    assert [sentence for sentence in SENTENCES.values() if LIBRARY.search(sentence)] == []


def test_faults_are_named_by_their_place_without_names_of_the_library() -> None:
    content = '{"inner": {"number": 1.5, "kind": "c"}, "many": {"x": [{"number": null, "kind": "a"}, null], "y": []}}'
    assert told(TypeAdapter(Outer), content) == [
        ("inner.number", "must be a whole number"),
        ("inner.kind", "must be 'a' or 'b'"),
        ("many.x.0.number", "Field required"),
        ("many.x.1", "must not be null"),
        ("many.y", "must be 'x'"),
    ]


@pytest.mark.parametrize(
    ("annotated", "content", "sentence"),
    [
        (list[int], "{", "is not valid JSON (line 1, column 1)"),
        (list[int], "", "is not valid JSON (line 1, column 0)"),
        (list[int], "5", "must be a list"),
        (str, "5", "must be a string"),
        (bool, '"x"', "must be true or false"),
        (float, '"x"', "must be a number"),
    ],
)
def test_a_fault_of_the_whole_body_has_a_sentence(annotated: type[Any], content: str, sentence: str) -> None:
    assert told(TypeAdapter(annotated), content) == [("body", sentence)]


@pytest.mark.parametrize(
    ("bounds", "content", "sentence"),
    [
        ({"ge": 1}, "0", "must be 1 or more"),
        ({"le": 6}, "7", "must be 6 or less"),
        ({"gt": 1}, "1", "must be more than 1"),
        ({"lt": 6}, "6", "must be less than 6"),
        ({"multiple_of": 5}, "6", "must be a multiple of 5"),
    ],
)
def test_a_bound_is_told_with_its_value(bounds: dict[str, Any], content: str, sentence: str) -> None:
    class Bounded(BaseModel):
        value: int = Field(**bounds)

    assert told(TypeAdapter(Bounded), f'{{"value": {content}}}') == [("value", sentence)]


@pytest.mark.parametrize(
    ("bounds", "content", "sentence"),
    [
        ({"min_length": 1}, "[]", "must have 1 item or more"),
        ({"min_length": 2}, "[]", "must have 2 items or more"),
        ({"max_length": 1}, "[1, 2]", "must have 1 item or fewer"),
    ],
)
def test_a_length_is_told_with_its_value(bounds: dict[str, Any], content: str, sentence: str) -> None:
    class Bounded(BaseModel):
        value: list[int] = Field(**bounds)

    assert told(TypeAdapter(Bounded), f'{{"value": {content}}}') == [("value", sentence)]


SIX_DIGITS: TypeAdapter[str] = TypeAdapter(Annotated[str, Form(r"^[0-9]{6}$", "must be six digits")])


@pytest.mark.parametrize("text", ["123", "1234567", "123456\\n", "٣٤٥٦٧٨", ""])
def test_a_form_is_told_by_its_sentence(text: str) -> None:
    assert told(SIX_DIGITS, f'"{text}"') == [("body", "must be six digits")]


def test_a_form_is_described_by_its_pattern() -> None:
    assert SIX_DIGITS.json_schema() == {"type": "string", "pattern": "^[0-9]{6}$"}

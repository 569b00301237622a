"""The types of values in this surface's bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, model_validator

from api.fields import Body
from domain.gccp.answers import size

LARGEST_NUMBER = 1e9
SHORT = 500
LONGEST_RECORDED = 200_000
"""Bytes of a text that a command may hold: with three of them, encrypted, it stays below the 1 MB that Kafka takes."""


class UnblankBody(Body):
    """A body in which null, and a blank text where a text is expected, are missing fields, as the document has it."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        texts = _texts(cls)
        return {name: given for name, given in value.items() if given is not None and not _blank(name, given, texts)}


def _blank(name: str, given: Any, texts: Set[str]) -> bool:
    return name in texts and isinstance(given, str) and not given.strip()


@cache
def _texts(body: type[BaseModel]) -> Set[str]:
    """The fields whose values are written as JSON strings."""
    return {name for name, field in body.model_fields.items() if _is_text(field.annotation)}


def _is_text(hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return all(isinstance(value, str) for value in get_args(hint))
    if get_args(hint):
        return get_origin(hint) in (Annotated, Union, UnionType) and any(map(_is_text, get_args(hint)))
    return isinstance(hint, type) and issubclass(hint, str | UUID)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ValueError("is out of range")
    return value


NUMBER = BeforeValidator(_number)
"""The last annotation of a number: a finite JSON number, at most `LARGEST_NUMBER` in size; of an `int`, 5.0 is 5.

Behind the bounds, else the OpenAPI has them under pydantic's own names.
"""


def within(most: int) -> AfterValidator:
    """The bound of a text, in bytes as `size` counts them, at which it could not be recorded, not even to be refused.

    Up to `LONGEST_RECORDED` the command decides, which holds each text to `most`.
    """
    return AfterValidator(_within(most))


def _within(most: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if size(text) > LONGEST_RECORDED:
            raise ValueError(f"takes more than {most} bytes")
        return text

    return check

"""The types of values in this surface's bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator, model_validator

from api.fields import Body

LARGEST_NUMBER = 1e9
SHORT = 500


class UnblankBody(Body):
    """A body in which null, a blank text and an empty list are missing fields, as the document has it for `content`."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: given for name, given in value.items() if not _blank(given)}


def _blank(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


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

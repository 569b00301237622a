"""The kinds of values that bodies of this surface are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

LARGEST_NUMBER = 1e9
SHORT = 500


class Body(BaseModel):
    """A request's body, or an object in it. Unknown fields are ignored.

    Null, a blank text and an empty list are as good as a missing field: the document calls an empty `content` missing.
    """

    model_config = ConfigDict(extra="ignore")

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


Number = Annotated[float, BeforeValidator(_number)]
"""A JSON number that is finite and of a sensible size."""

Whole = Annotated[int, BeforeValidator(_number)]
"""A JSON number without a fraction; 5.0 is 5."""

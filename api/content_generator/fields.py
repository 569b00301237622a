"""The types of values in this surface's bodies, queries and answers, with their limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, PlainSerializer

from api.fields import BodyWithoutNulls, Form
from domain.content_generator.results import shown_time
from domain.rfc3339 import read_instant

LAST_YEAR = 2200
MOST_KEYS = 50
LARGEST_DATA = 8_000
MOST_TAGS = 50


def _time(value: Any) -> datetime:
    """A time without an offset is in UTC."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    try:
        found = read_instant(value)
    except ValueError:
        raise ValueError("must be a date and time, as 2024-01-20T10:00:00Z") from None
    if not 1970 <= found.year <= LAST_YEAR:
        raise ValueError(f"must be between 1970 and {LAST_YEAR}")
    return found


def _custom_data(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > MOST_KEYS:
        raise ValueError(f"must not have more than {MOST_KEYS} keys")
    if len(orjson.dumps(value)) > LARGEST_DATA:
        raise ValueError(f"must not be larger than {LARGEST_DATA} bytes")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must have no control characters")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def whole(figure: float) -> int:
    """A figure as a whole number, halves up."""
    return math.floor(figure + 0.5)


def bytes_within(most: int) -> Callable[[str], str]:
    """The check of a text's size in UTF-8."""

    def check(value: str) -> str:
        if len(value.encode()) > most:
            raise ValueError(f"must not be larger than {most:,} bytes")
        return value

    return check


class Body(BodyWithoutNulls):
    """The body of a request, or an object in it. The document's samples send nulls for nothing."""


Time = Annotated[datetime, BeforeValidator(_time)]
"""A time in a body: RFC 3339; without an offset it is in UTC."""

Shown = Annotated[datetime, PlainSerializer(shown_time, return_type=str)]
"""A time in an answer."""

Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable), AfterValidator(_filled)]
"""A line of text: a title or a subject, without control characters."""

Text = Annotated[str, Field(max_length=10_000)]
Tag = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)]
Flag = Annotated[bool, Field(strict=True)]
CustomData = Annotated[dict[str, JsonValue], AfterValidator(_custom_data)]
Correlation = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
DocumentId = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_printable), AfterValidator(_filled)]
SessionId = Annotated[
    str, Form(r"^[A-Za-z0-9._:@-]{1,128}$", "must have 1 to 128 letters, digits, dots, or any of _ : @ -")
]
"""The id of a session or a client."""

Html = Annotated[str, AfterValidator(_filled), AfterValidator(bytes_within(400_000))]
"""HTML as it is given."""

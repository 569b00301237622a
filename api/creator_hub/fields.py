"""The types of values in this surface's bodies, queries and answers, with their limits."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, PlainSerializer, StringConstraints

from api.errors import ApiError
from api.fields import DIGITS, BodyWithoutNulls, DayText, Form
from api.json_maps import bounded
from domain.rfc3339 import shown_instant

FIRST_YEAR, LAST_YEAR = 1970, 2200
DEEPEST = 32
LARGEST_MAP, LARGEST_FLOW = 20_000, 200_000
LAST_PAGE, LARGEST_PAGE = 1_000_000, 100
UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Body(BodyWithoutNulls):
    """The body of a request, or an object in it. A null is as good as nothing."""


def _id(value: Any) -> UUID:
    """What is no UUID is the id of nothing."""
    if not isinstance(value, str) or UUID_FORM.fullmatch(value) is None:
        raise not_there()
    return UUID(value)


def not_there() -> ApiError:
    """The 404 for what the caller does not have, whoever else has it."""
    return ApiError(404, "there is no such thing", kind="NotFound")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must have no control characters")
    return value


def _day(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must be between {FIRST_YEAR} and {LAST_YEAR}")
    return value


def _address(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        raise ValueError("Invalid email format") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("must be the name of a time zone, as America/New_York")
    return value


check_map = bounded(DEEPEST, LARGEST_MAP, f"{LARGEST_MAP:,}")
"""The check of a map that is stored as it is."""

Id = Annotated[UUID, BeforeValidator(_id)]
"""The id of a thing in a path."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
    AfterValidator(_filled),
]
Description = Annotated[str, Field(max_length=5_000)]
JsonMap = Annotated[dict[str, JsonValue], AfterValidator(check_map)]
FlowMap = Annotated[dict[str, JsonValue], AfterValidator(bounded(DEEPEST, LARGEST_FLOW, f"{LARGEST_FLOW:,}"))]
ModelName = Annotated[str, Form(r"^[!-~]{1,200}$", "must have 1 to 200 ASCII characters and no spaces")]
Flag = Annotated[bool, Field(strict=True)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Language = Annotated[str, Form(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", "must be a language tag, as en or pt-BR")]
EmailAddress = Annotated[
    str, StringConstraints(max_length=254, strip_whitespace=True), AfterValidator(_address), BeforeValidator(_text)
]
Day = Annotated[DayText, AfterValidator(_day)]
"""A day in a query."""

DayInBody = Annotated[Day, BeforeValidator(_text)]
PageNumber = Annotated[int, Field(ge=1, le=LAST_PAGE), DIGITS]
PageSize = Annotated[int, Field(ge=1, le=LARGEST_PAGE), DIGITS]
Cursor = Annotated[int, Field(ge=0, le=2**63 - 1), DIGITS]
VisitorToken = Annotated[str, Field(max_length=200), Form(r"^[^\x00]*$", "must not contain the NUL character")]
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1), DIGITS]
Question = Annotated[str, Field(max_length=2_000), Form(r"^[^\x00]+$", "must have a text")]
Search = Annotated[str, Field(max_length=200), Form(r"^[^\x00]*$", "must not contain the NUL character")]
"""A part of what is looked for; blank for everything."""

Shown = Annotated[datetime, PlainSerializer(shown_instant, return_type=str)]
"""A time in an answer."""

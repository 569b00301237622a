"""The types of values in this surface's bodies and queries, with their limits."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from api.fields import DIGITS, DayText, Form, without_nulls
from api.json_maps import bounded
from domain.communication.kinds import TriggerType
from domain.rfc3339 import read_instant

LARGEST_ID = 2**63 - 1
LARGEST_DATA = 16_384
DEEPEST_DATA = 16
LAST_YEAR = 2200
TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"
NO_ADDRESS = "must be an e-mail address, as name@example.com"


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _instant(value: str) -> datetime:
    try:
        instant = read_instant(value)
    except ValueError:
        raise ValueError("must be a date and time (RFC 3339), as 2025-01-27T10:00:00Z") from None
    if not 1970 <= instant.year <= LAST_YEAR:
        raise ValueError(f"must be between 1970 and {LAST_YEAR}")
    return instant


def _time_of_day(value: str) -> time:
    try:
        time_of_day = time.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time of day, as 09:00:00") from None
    if time_of_day.tzinfo is not None:
        raise ValueError("must have no offset: it is in the recipient's own time")
    return time_of_day


def _day(value: date) -> date:
    if not 1970 <= value.year <= LAST_YEAR:
        raise ValueError(f"must be between 1970 and {LAST_YEAR}")
    return value


def _address(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        raise ValueError(NO_ADDRESS) from None


UserId = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
"""A user's id in a body: a JSON integer, never a string or a float."""

UserIdText = Annotated[int, Field(ge=1, le=LARGEST_ID), DIGITS]

Instant = Annotated[datetime, BeforeValidator(_instant), BeforeValidator(_text)]
TimeOfDay = Annotated[time, WithJsonSchema({"type": "string", "pattern": TIME_OF_DAY, "examples": ["09:00:00"]})]
"""A time by the recipient's clock. JSON Schema's format `time` would require an offset."""

TimeOfDayText = Annotated[TimeOfDay, BeforeValidator(_time_of_day), BeforeValidator(_text)]
Day = Annotated[DayText, AfterValidator(_day)]
Data = Annotated[dict[str, Any], AfterValidator(bounded(DEEPEST_DATA, LARGEST_DATA, str(LARGEST_DATA)))]
Flag = Annotated[bool, Field(strict=True)]
Switches = Annotated[dict[TriggerType, Flag], BeforeValidator(without_nulls)]
"""Switches by message type. One that is null counts as missing."""

PhoneNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Form(r"^\+[1-9][0-9]{6,14}$", "must be a phone number in international form, as +15551234567"),
]
"""A phone number in E.164."""

Address = Annotated[str, StringConstraints(max_length=254, strip_whitespace=True), AfterValidator(_address)]
Code = Annotated[str, StringConstraints(strip_whitespace=True), Form(r"^[0-9]{6}$", "must be six digits")]
Short = Annotated[str, StringConstraints(max_length=200)]

"""Types of values in requests, the same on every surface, and the base of request bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

WHOLE = re.compile(r"-?[0-9]{1,20}")
YEAR_MONTH_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Body(BaseModel):
    """The body of a request, or an object in it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


def _nullable(schema: dict[str, Any]) -> None:
    """Describe that null is as good as nothing for every field that is not required."""
    for name, described in schema.get("properties", {}).items():
        if name not in schema.get("required", ()) and {"type": "null"} not in described.get("anyOf", ()):
            default = {"default": described.pop("default")} if "default" in described else {}
            schema["properties"][name] = {"anyOf": [described, {"type": "null"}]} | default


def without_nulls(value: Any) -> Any:
    """A map without the members that are null, which count as missing."""
    if not isinstance(value, dict):
        return value
    return {name: given for name, given in value.items() if given is not None}


class BodyWithoutNulls(Body):
    """The body of a request, or an object in it, in which a null is as good as nothing."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    _without_nulls = model_validator(mode="before")(without_nulls)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a text: a pattern for the OpenAPI, and the sentence for a text of another form.

    pydantic's own constraint would quote the pattern to callers.
    """

    pattern: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        fits = re.compile(self.pattern, re.ASCII).search

        def check(text: str) -> str:
            if fits(text) is None or text.endswith("\n"):
                raise ValueError(self.sentence)
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


def _whole(value: str) -> str:
    if not WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value if YEAR_MONTH_DAY.fullmatch(value) else "")
    except ValueError:
        raise ValueError("must be a date, as 2025-01-27") from None


DIGITS = BeforeValidator(_whole)
"""The last annotation of an integer in a path or a query: digits only, no other notation of numbers.

Behind the bounds, else the OpenAPI has them under pydantic's own names.
"""

DayText = Annotated[date, BeforeValidator(_day)]
"""A day in a query: year, month and day, no other notation of dates."""

"""Errors of the edge, as one exception that each surface renders in its error format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from api.sentences import NULL, REQUIRED, path_of, sentence_of
from domain.messages import Refused

LONGEST_NAME = 100
"""Characters of a field's name that an answer repeats: the name may be a key that the client made up."""

Kind = str | type[Refused]
"""The key of a surface's codes: the class of a recorded refusal, or a word for an error that the edge finds."""


class FieldError(NamedTuple):
    """One invalid field: its path (`a.0.b`), the fault, and whether the field is missing."""

    field: str
    message: str
    missing: bool
    value: Any = None


class ApiError(Exception):
    """An error answer: its status, a sentence, details and headers.

    `kind` is the key of a surface's codes and not shown; `fields` are set when input is invalid.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        kind: Kind = "",
        details: Any = None,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.kind = kind
        self.details = details
        self.fields = fields
        self.headers = dict(headers or {})


def invalid(fields: Sequence[FieldError]) -> ApiError:
    """A 400 for invalid fields, with the first fault as the sentence."""
    first = fields[0]
    sentence = f"Missing required field: {first.field}" if first.missing else f"Invalid {first.field}: {first.message}"
    return ApiError(400, sentence, kind="InvalidInput", fields=fields)


def field_errors(error: ValidationError, *where: str) -> list[FieldError]:
    """The errors of a pydantic validation, one per field. Their messages echo no values into logs or answers."""
    return [_field_error(found, where) for found in error.errors(include_url=False)]


def _field_error(found: ErrorDetails, where: Sequence[str]) -> FieldError:
    """A null member of an object is a missing one; a null item of a list is an invalid one."""
    place, value = (*where, *found["loc"]), found["input"]
    null = value is None and bool(place) and found["type"] != "missing"
    if null and isinstance(place[-1], int):
        return FieldError(path_of(place, LONGEST_NAME), NULL, missing=False)
    missing = null or found["type"] == "missing"
    message = REQUIRED if missing else sentence_of(found)
    return FieldError(path_of(place, LONGEST_NAME) or "body", message, missing, value)


@dataclass(frozen=True, slots=True)
class ErrorFormat:
    """The error format of a surface: `render` makes the response, `schema` is its JSON Schema for the OpenAPI."""

    render: Callable[[Request, ApiError], Response]
    schema: Mapping[str, Any]

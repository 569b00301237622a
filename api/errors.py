"""What can go wrong at the edge, as one exception; each surface renders it in its own envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from domain.messages import Refused

LONGEST_NAME = 100
"""Of a field's name, which may be a key that the client made up, so much is repeated."""

Kind = str | type[Refused]
"""What surfaces map to codes: the class of a recorded refusal, or a word for an error that the edge itself finds."""


class FieldError(NamedTuple):
    """One wrong field: where (`a.0.b`), what is wrong with it, and whether it is simply not there."""

    field: str
    message: str
    missing: bool
    value: Any = None


class ApiError(Exception):
    """An answer that is an error: its status, a sentence, details, and headers to go with it.

    `kind` is for surfaces that have codes, and not shown itself; `fields` are set when input was invalid.
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
    """Input that does not fit: 400, with the first fault as the sentence."""
    first = fields[0]
    sentence = f"Missing required field: {first.field}" if first.missing else f"Invalid {first.field}: {first.message}"
    return ApiError(400, sentence, kind="InvalidInput", fields=fields)


def field_errors(error: ValidationError, *where: str) -> list[FieldError]:
    """Pydantic's findings, one per field, without echoing values into logs or answers."""
    return [_field_error(found, where) for found in error.errors(include_url=False, include_context=False)]


def _field_error(found: ErrorDetails, where: Sequence[str]) -> FieldError:
    path = ".".join(str(part)[:LONGEST_NAME] for part in (*where, *found["loc"])) or "body"
    message = found["msg"].removeprefix("Value error, ")
    return FieldError(path, message, found["type"] == "missing", found["input"])


@dataclass(frozen=True, slots=True)
class ErrorFormat:
    """A surface's errors: `render` makes the answer to a request, `schema` is its JSON Schema for the OpenAPI."""

    render: Callable[[Request, ApiError], Response]
    schema: Mapping[str, Any]

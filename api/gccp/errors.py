"""The error format of this surface: `error`, `code` and `details`, with the document's codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError, ErrorFormat, Kind
from api.routing import Json
from api.sentences import REQUIRED
from commands.gccp.generation import (
    AlreadyOver,
    Forbidden,
    InvalidFields,
    MissingFields,
    NotFound,
    NotRetryable,
)
from streams.core.refusals import VersionConflict

CODES: Mapping[Kind, str] = {
    MissingFields: "MISSING_FIELDS",
    InvalidFields: "INVALID_FIELDS",
    Forbidden: "FORBIDDEN",
    NotFound: "NOT_FOUND",
    NotRetryable: "RETRY_FAILED",
    AlreadyOver: "CANCEL_FAILED",
    VersionConflict: "VERSION_CONFLICT",
    "InvalidInput": "INVALID_FIELDS",
    "Unauthorized": "UNAUTHORIZED",
    "Forbidden": "FORBIDDEN",
    "NotFound": "NOT_FOUND",
    "RateLimited": "RATE_LIMITED",
    "Upstream": "ANTHROPIC_ERROR",
    "Pdf": "PDF_GENERATION_FAILED",
    "Unavailable": "SERVICE_UNAVAILABLE",
    "NotYet": "SERVICE_UNAVAILABLE",
    "BodyTooLarge": "BODY_TOO_LARGE",
    "IdempotencyConflict": "IDEMPOTENCY_CONFLICT",
    "AlreadyBegun": "IDEMPOTENCY_CONFLICT",
    "Pending": "PENDING",
}
"""Codes by the kind of error, refusals first. Codes that the document lacks are ours (docs/gccp.md)."""

MISSING: Mapping[str, str] = {"export_pdf": "MISSING_CONTENT", "retry": "MISSING_GENERATION_ID"}
"""Codes by endpoint for a missing field, where the document has a special one."""

FAILED: Mapping[str, str] = {
    "generate": "GENERATION_FAILED",
    "export_pdf": "PDF_GENERATION_FAILED",
    "retry": "RETRY_FAILED",
}
"""Codes by endpoint for an internal failure; other endpoints have INTERNAL_ERROR."""

ROUTING = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string"},
        "details": {"type": "string"},
        "retry_after": {"type": "integer", "description": "Seconds, with 429"},
    },
}


def render(request: Request, error: ApiError) -> Response:
    """The response in the document's format; 429 adds `retry_after`, in seconds."""
    body: dict[str, Any] = {"error": _sentence(error), "code": code_of(_endpoint(request), error)}
    details = _details(error)
    if details:
        body["details"] = details
    if error.status == 429:
        body["retry_after"] = int(error.headers["Retry-After"])
    return Json(orjson.dumps(body), error.status)


def code_of(endpoint: str, error: ApiError) -> str:
    """The code of an error. Missing fields take precedence over invalid ones, since a client mends them first."""
    if any(fault.missing for fault in error.fields):
        return MISSING.get(endpoint, "MISSING_FIELDS")
    if error.kind in CODES:
        return CODES[error.kind]
    if error.status in ROUTING:
        return ROUTING[error.status]
    return FAILED.get(endpoint, "INTERNAL_ERROR") if error.status >= 500 else "INVALID_FIELDS"


def _endpoint(request: Request) -> str:
    return getattr(request.scope.get("endpoint"), "__name__", "")


def _sentence(error: ApiError) -> str:
    if error.kind == "RateLimited":
        return "Rate limit exceeded"
    missing = [fault.field for fault in error.fields if fault.missing]
    if missing:
        return f"Missing required fields: {', '.join(missing)}"
    return error.sentence


def _details(error: ApiError) -> str:
    if error.kind == "RateLimited":
        return f"{error.sentence.partition(': ')[2]}; {error.details}"
    if error.fields:
        return "; ".join(f"{fault.field}: {fault.message}" for fault in error.fields)
    if error.kind is MissingFields:
        return "; ".join(f"{field}: {REQUIRED}" for field in error.details["fields"])
    if isinstance(error.details, Mapping):
        return "; ".join(f"{name}: {_text(value)}" for name, value in error.details.items())
    return str(error.details or "")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


ERRORS = ErrorFormat(render, SCHEMA)

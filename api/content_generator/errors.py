"""The error format of this surface: `error`, `message`, and what each status adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.correlation import correlation_of
from api.errors import ApiError, ErrorFormat, Kind
from api.routing import Json
from streams.core.refusals import VersionConflict

CODES: Mapping[int, str] = {
    202: "pending",
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "idempotency_conflict",
    413: "body_too_large",
    429: "rate_limit_exceeded",
    500: "internal_error",
    502: "bad_gateway",
    503: "unavailable",
}
"""Codes by status; the document's, and ours for the statuses that it lacks."""

KINDS: Mapping[Kind, str] = {
    "Publishing": "publish_failed",
    "Document": "document_unavailable",
    VersionConflict: "version_conflict",
}
"""Codes of errors that share their status with others."""

MESSAGES: Mapping[int, str] = {429: "API rate limit exceeded", 500: "An internal error occurred"}
"""The document's words, where they are fixed."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error", "message"],
    "properties": {
        "error": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object", "description": "Of a 400: what is wrong, by field"},
        "retry_after": {"type": "integer", "description": "Seconds, with 429 and 503"},
        "correlation_id": {"type": "string", "description": "Of a 500"},
    },
}


def render(request: Request, error: ApiError) -> Response:
    """The response in the document's format."""
    body: dict[str, Any] = {
        "error": KINDS.get(error.kind) or CODES.get(error.status, "validation_error"),
        "message": MESSAGES.get(error.status, error.sentence),
    }
    if error.status == 400:
        body["details"] = _details(error)
    if error.status in (429, 503) and "Retry-After" in error.headers:
        body["retry_after"] = int(error.headers["Retry-After"])
    if error.status == 500:
        body["correlation_id"] = correlation_of(request)
    return Json(orjson.dumps(body, default=str), error.status)


def _details(error: ApiError) -> dict[str, Any]:
    if error.fields:
        return {fault.field: fault.message for fault in error.fields}
    if isinstance(error.details, Mapping):
        return dict(error.details)
    return {} if error.details is None else {"reason": str(error.details)}


ERRORS = ErrorFormat(render, SCHEMA)

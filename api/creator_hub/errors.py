"""The error format of this surface: `{"error": {code, message, details, request_id}}`; invalid input is 422."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.correlation import correlation_of
from api.errors import ApiError, ErrorFormat
from api.routing import Json
from commands.creator_hub.member import UnknownTimeZone
from domain.messages import Refused

INVALID = 422
MOST_DETAILS = 50

CODES: Mapping[int, str] = {
    202: "PENDING",
    401: "AUTHENTICATION_REQUIRED",
    403: "INSUFFICIENT_PERMISSIONS",
    404: "RESOURCE_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "IDEMPOTENCY_CONFLICT",
    412: "VERSION_CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    INVALID: "VALIDATION_ERROR",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
"""Codes by status; the document's, and ours for the statuses that it lacks."""

INVALID_DATA = "The request contains invalid data"
MESSAGES: Mapping[int, str] = {404: "Requested resource doesn't exist", 500: "Unexpected server error"}
"""The document's words, where they are fixed: of what is not there, nothing more is said."""

BLAMED: Mapping[str, str] = {UnknownTimeZone.name: "timezone"}
"""The fields that refusals are about."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "request_id"],
            "properties": {
                "code": {"type": "string", "enum": sorted(CODES.values())},
                "message": {"type": "string"},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "message"],
                        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
                "request_id": {"type": "string", "format": "uuid"},
            },
        }
    },
}


def render(request: Request, error: ApiError) -> Response:
    """The response in the document's format."""
    status = INVALID if error.status == 400 else error.status
    body = {
        "code": CODES.get(status, CODES[INVALID]),
        "message": INVALID_DATA if error.fields else MESSAGES.get(status, error.sentence),
        "details": _details(error),
        "request_id": correlation_of(request),
    }
    return Json(orjson.dumps({"error": body}, default=str), status)


def _details(error: ApiError) -> list[dict[str, str]]:
    if error.fields:
        faults = error.fields[:MOST_DETAILS]
        return [_detail(one.field, "Missing required field" if one.missing else one.message) for one in faults]
    if isinstance(error.kind, type) and issubclass(error.kind, Refused):
        return _faults(error) or [_detail(field, error.sentence) for field in _blamed(error.kind)]
    return []


def _detail(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def _blamed(refusal: type[Refused]) -> list[str]:
    return [BLAMED[refusal.name]] if refusal.name in BLAMED else []


def _faults(error: ApiError) -> list[dict[str, str]]:
    """What a refusal lists as `faults`: of a flow, by its nodes."""
    listed = error.details.get("faults", ()) if isinstance(error.details, Mapping) else ()
    return [_detail(str(one["field"]), str(one["message"])) for one in listed[:MOST_DETAILS]]


ERRORS = ErrorFormat(render, SCHEMA)

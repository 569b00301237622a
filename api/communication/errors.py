"""The error format of this surface: one schema that holds every variant of the document (CO-4)."""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError, ErrorFormat, FieldError
from api.routing import Json

SENDING = "send_communication"
LONGEST_ECHO = 100
MOST_FAULTS = 20
NAMES_A_TYPE = re.compile(r"(trigger_type|message_type|message_types\.[0-9]+)$")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["success", "error", "details", "context"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "error": {"type": "string"},
        "details": {},
        "context": {"type": "string"},
        "fallback_used": {"type": "boolean"},
    },
}


def render(request: Request, error: ApiError) -> Response:
    """The response with `success`, `error`, `details` and `context`; sending adds `fallback_used`."""
    context = getattr(request.scope.get("endpoint"), "__name__", "routing")
    body: dict[str, Any] = {
        "success": False,
        "error": sentence(error.fields[0]) if error.fields else error.sentence,
        "details": _details(error),
        "context": context,
    }
    if context == SENDING:
        body["fallback_used"] = False
    return Json(orjson.dumps(body, default=str), error.status)


def sentence(fault: FieldError) -> str:
    """The sentence for an invalid field, in the document's words (Common Error Scenarios)."""
    if fault.missing:
        return f"Missing required field: {fault.field}"
    if NAMES_A_TYPE.search(fault.field) and isinstance(fault.value, str):
        return f"Invalid trigger type: {fault.value[:LONGEST_ECHO]}"
    return f"Invalid {fault.field}: {fault.message}"


def _details(error: ApiError) -> Any:
    if error.fields:
        return "; ".join(f"{fault.field}: {fault.message}" for fault in error.fields[:MOST_FAULTS])
    return error.details if error.details is not None else error.sentence


ERRORS = ErrorFormat(render, SCHEMA)

"""Errors of this surface: a sentence under `error`."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError, ErrorFormat
from api.routing import Json


def render(_request: Request, error: ApiError) -> Response:
    """`{"error": sentence}`."""
    return Json(orjson.dumps({"error": error.sentence}), error.status)


ERRORS = ErrorFormat(render, {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}})

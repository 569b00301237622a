"""The OpenAPI of this surface: security, scopes, documented statuses and examples."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import openapi
from api.auth import BEARER
from api.communication.access import SCOPES
from api.surface import Guard

STATUSES = openapi.STATUSES | {
    "400": "Bad Request - Invalid input data",
    "401": "Unauthorized - Authentication required",
    "403": "Forbidden - The token lacks a scope",
    "404": "Not Found - Resource not found",
    "409": "Conflict - The Idempotency-Key was used for another request",
    "412": "Precondition Failed - What If-Match names has changed since",
    "429": "Too Many Requests - see Retry-After",
    "500": "Internal Server Error - Server error",
    "503": "Service Unavailable - see Retry-After",
}
RATE_LIMIT_HEADERS = openapi.rate_limit_headers(
    limit="Requests allowed in the window",
    remaining="Requests left in the window",
    reset="When the window ends, epoch seconds",
)
EXAMPLES: dict[str, dict[str, Any]] = orjson.loads(files(__package__).joinpath("examples.json").read_bytes())
"""The document's examples by method and path: `request` and `answer`."""

FORM = "application/x-www-form-urlencoded"
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key is the same write: it gets the stored answer, and another body 409",
}
POSITION = {
    "name": "Headwater-Position",
    "in": "header",
    "schema": {"type": "string"},
    "description": "What a write answered under this name: the answer waits until the read models cover it",
}


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Install the app's OpenAPI, completed for the routes of its routers."""
    openapi.describe(app, routers, _describe_route, examples={})


def _describe_route(path: dict[str, Any], route: APIRoute) -> None:
    guard = openapi.guard_of(route)
    for method in route.methods or ():
        operation = path[method.lower()]
        for status in _statuses(method, guard is not None, route):
            operation["responses"].setdefault(status, openapi.error_response(STATUSES[status]))
        if "webhooks" in route.path:
            operation["requestBody"] = _report(route)
        if guard is not None:
            _describe_guarded(operation, guard, method)
        _add_examples(operation, EXAMPLES.get(f"{method} {route.path}", {}))


def _describe_guarded(operation: dict[str, Any], guard: Guard, method: str) -> None:
    operation["security"] = openapi.security_of(BEARER)
    operation["x-scopes"] = sorted(guard.scopes or SCOPES)
    operation["responses"]["200"]["headers"] = RATE_LIMIT_HEADERS
    operation.setdefault("parameters", []).append(POSITION if method == "GET" else IDEMPOTENCY_KEY)


def _report(route: APIRoute) -> dict[str, Any]:
    """The body of a report: any object, since the provider defines its members."""
    kinds = ["application/json"] if route.path.endswith("/resend") else ["application/json", FORM]
    return {"required": True, "content": {kind: {"schema": {"type": "object"}} for kind in kinds}}


def _add_examples(operation: dict[str, Any], examples: dict[str, Any]) -> None:
    if "request" in examples:
        operation["requestBody"]["content"]["application/json"]["example"] = examples["request"]
    if "answer" in examples:
        operation["responses"]["200"]["content"]["application/json"]["example"] = examples["answer"]


def _statuses(method: str, guarded: bool, route: APIRoute) -> list[str]:
    statuses = ["400", "500", "503"]
    if "{" in route.path:
        statuses.append("404")
    if method != "GET":
        statuses.append("413")
    if guarded:
        statuses += ["401", "403", "429"]
    if "webhooks" in route.path:
        statuses.append("401")
    if guarded and method != "GET":
        statuses += ["202", "404", "409", "412"]
    return statuses

"""The OpenAPI of this surface: security, documented statuses and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import openapi
from api.auth import BEARER
from api.creator_hub.errors import CODES, INVALID, INVALID_DATA
from api.creator_hub.examples import EXAMPLES

STATUSES = openapi.STATUSES | {
    "401": "Missing or invalid authentication",
    "403": "User lacks required permissions",
    "404": "Requested resource doesn't exist",
    "409": "The Idempotency-Key was used for another request",
    "412": "The resource has changed since the version in If-Match",
    "422": "Request data validation failed",
    "429": "Too many requests",
    "500": "Unexpected server error",
    "503": "Service unavailable, see Retry-After",
}
REQUEST_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
RATE_LIMIT_HEADERS = openapi.rate_limit_headers(
    limit="Requests allowed in the window of this class",
    remaining="Requests left in it",
    reset="When it ends, epoch seconds",
)
CALL = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
"""The body of a provider's call: the provider defines its members."""

OPEN_ERRORS: dict[str, list[str]] = {
    "/auth/": ["401", "422", "429", "413"],
    "/webhooks/": ["401", "403", "404", "413", "422"],
    "/widget/": ["401", "403", "404", "409", "413", "422", "429", "202"],
}
"""Statuses of endpoints that take no access token."""


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Install the app's OpenAPI, completed for the routes of its routers."""
    openapi.describe(app, routers, _describe_route, examples=EXAMPLES)


def _describe_route(path: dict[str, Any], route: APIRoute) -> None:
    guarded = openapi.guard_of(route) is not None
    for method in route.methods or ():
        operation = path[method.lower()]
        responses = operation["responses"]
        for status in _statuses(method, guarded, route):
            responses.setdefault(status, _error(status))
        for success in ({"200", "201", "202"} & responses.keys()) if guarded else ():
            responses[success]["headers"] = RATE_LIMIT_HEADERS
        if method == "POST" and "/webhooks/" in route.path:
            operation["requestBody"] = CALL
        if guarded:
            operation["security"] = openapi.security_of(BEARER)


def _statuses(method: str, guarded: bool, route: APIRoute) -> list[str]:
    statuses = ["500", "503"]
    if guarded:
        statuses += ["401", "403", "422", "429"]
    if guarded and method != "GET":
        statuses += ["202", "409", "412", "413"]
    statuses += [status for part, those in OPEN_ERRORS.items() if part in route.path for status in those]
    return [*statuses, "404"] if "{" in route.path else statuses


def _error(status: str) -> dict[str, Any]:
    error: dict[str, Any] = {"code": CODES[int(status)], "message": STATUSES[status], "details": []}
    if status == str(INVALID):
        error |= {"message": INVALID_DATA, "details": [{"field": "email", "message": "Invalid email format"}]}
    return openapi.error_response(STATUSES[status], {"error": error | {"request_id": REQUEST_ID}})

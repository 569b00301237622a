"""The OpenAPI of this surface: security, documented statuses and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import openapi
from api.auth import API_KEY
from api.content_generator.errors import CODES, MESSAGES
from api.content_generator.examples import EXAMPLES

STATUSES = openapi.STATUSES | {
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "409": "Conflict - The Idempotency-Key was used for another request",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway - A provider refused, or gave no usable answer",
    "503": "Service Unavailable, see Retry-After",
}
WORDS = {
    "400": "Invalid request parameters",
    "401": "Invalid or missing API key",
    "403": "Insufficient permissions for this operation",
    "404": "Resource not found",
}
RATE_LIMIT_HEADERS = openapi.rate_limit_headers(
    limit="Requests allowed in a minute",
    remaining="Requests left of them",
    reset="When the minute is over, epoch seconds",
)

REPORT = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
"""The body of a report: the CRM defines its members."""

CALLING = {"fetch", "generate", "publish", "publish_draft"}


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
        responses[str(route.status_code or 200)]["headers"] = RATE_LIMIT_HEADERS
        if "/webhooks/" in route.path:
            operation["requestBody"] = REPORT
        if guarded:
            operation["security"] = openapi.security_of(API_KEY)


def _statuses(method: str, guarded: bool, route: APIRoute) -> list[str]:
    statuses = ["500", "503"]
    if guarded:
        statuses += ["400", "401", "403", "429"]
    if guarded and method != "GET":
        statuses += ["202", "409", "413"]
    if "/webhooks/" in route.path:
        statuses += ["400", "401", "413"]
    if "{" in route.path or route.name == "fetch":
        statuses += ["404"]
    if route.name in CALLING:
        statuses += ["404", "502"]
    return statuses


def _error(status: str) -> dict[str, Any]:
    example: dict[str, Any] = {
        "error": CODES[int(status)],
        "message": MESSAGES.get(int(status)) or WORDS.get(status) or STATUSES[status],
    }
    if status == "400":
        example["details"] = {"field": "error description"}
    if status == "429":
        example["retry_after"] = 60
    if status == "500":
        example["correlation_id"] = "error-correlation-id"
    return openapi.error_response(STATUSES[status], example)

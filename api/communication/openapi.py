"""What the OpenAPI adds to the routes: security, the error envelope, documented statuses and examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.surface import Allowed

ERROR: dict[str, Any] = {
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
STATUSES = {
    "202": "Accepted; the outcome is not known yet (Location tells where to look)",
    "400": "Bad Request - Invalid input data",
    "401": "Unauthorized - Authentication required",
    "403": "Forbidden - The token lacks a scope",
    "404": "Not Found - Resource not found",
    "409": "Conflict - The Idempotency-Key was used for another request",
    "412": "Precondition Failed - What If-Match names has changed since",
    "413": "Content Too Large",
    "429": "Too Many Requests - see Retry-After",
    "500": "Internal Server Error - Server error",
    "503": "Service Unavailable - see Retry-After",
}
RATE_LIMIT_HEADERS = {
    "X-RateLimit-Limit": {"schema": {"type": "integer"}, "description": "Requests allowed in the window"},
    "X-RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "Requests left in the window"},
    "X-RateLimit-Reset": {"schema": {"type": "integer"}, "description": "When the window ends, epoch seconds"},
}
SERVERS = [
    {"url": "/communication", "description": "Under any host"},
    {"url": "/", "description": "At the root of a host whose first label is communication"},
]
EXAMPLES: dict[str, Any] = {
    "SendBody": {
        "user_id": 123, "trigger_type": "financial_alert",
        "data": {"amount": 100.50, "account": "checking", "threshold": 200.00},
        "channel": "sms", "priority": "critical", "scheduled_time": "2025-01-27T10:00:00Z",
    },
    "BatchBody": {
        "communications": [
            {"user_id": 123, "trigger_type": "financial_alert", "data": {"amount": 100.50}, "channel": "sms"},
            {"user_id": 124, "trigger_type": "weekly_checkin", "data": {"week": 3}, "channel": "email"},
        ]
    },
    "PreferencesBody": {
        "sms_enabled": True, "preferred_sms_time": "10:00:00",
        "alert_types_sms": {"financial_alert": True, "payment_reminder": False}, "frequency_preference": "daily",
    },
    "SmsConsentBody": {"user_id": 123, "phone_number": "+1234567890", "consent_source": "web_form"},
    "VerifyBody": {"phone_number": "+1234567890", "verification_code": "123456"},
    "EmailConsentBody": {
        "user_id": 123, "email": "user@example.com", "message_types": ["monthly_report", "career_insight"],
        "consent_source": "api",
    },
    "RevokeBody": {
        "user_id": 123, "channel": "sms", "message_types": ["financial_alert"], "reason": "user_request"
    },
    "OptOutBody": {"user_id": 123, "channel": "sms", "message_type": "all", "reason": "too_frequent"},
    "CheckBody": {"user_id": 123, "message_type": "financial_alert", "channel": "sms"},
}  # fmt: skip


def describe(app: FastAPI) -> None:
    """Makes the app's OpenAPI say what the routes do."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, servers=SERVERS
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = ERROR
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for route in app.routes:
        if isinstance(route, APIRoute):
            _describe_route(schema["paths"][route.path_format], route)
    return schema


def _describe_route(path: dict[str, Any], route: APIRoute) -> None:
    guard = next((found for found in map(_guard, route.dependant.dependencies) if found is not None), None)
    for method in route.methods or ():
        operation = path[method.lower()]
        responses = operation["responses"]
        responses.pop("422", None)
        for status in _statuses(method, guard is not None, route):
            responses.setdefault(status, _error(status))
        if guard is not None:
            operation["security"] = [{"bearer": []}]
            operation["x-scopes"] = sorted(guard.scopes)
            responses["200"]["headers"] = RATE_LIMIT_HEADERS


def _guard(dependant: Any) -> Allowed | None:
    return dependant.call if isinstance(dependant.call, Allowed) else None


def _statuses(method: str, guarded: bool, route: APIRoute) -> list[str]:
    statuses = ["400", "404", "413", "500", "503"]
    if guarded:
        statuses += ["401", "403", "429"]
    if "webhooks" in route.path:
        statuses.append("401")
    if guarded and method != "GET":
        statuses += ["202", "409", "412"]
    return statuses


def _error(status: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": STATUSES[status], "content": content}

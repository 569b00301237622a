"""The OpenAPI of a surface: servers, credential, the error schema, and the descriptions that its routes add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.auth import Credential
from api.surface import Guard, Surface

ERROR_SCHEMA = {"$ref": "#/components/schemas/Error"}

STATUSES = {
    "202": "Accepted; the outcome is not known yet (Location tells where to look)",
    "413": "Content Too Large",
}
"""Descriptions of statuses that no surface's document words differently."""

Security = list[dict[str, list[str]]]
DescribeRoute = Callable[[dict[str, Any], APIRoute], None]
"""Completes the operations under a path for one of its routes."""


def describe(
    app: FastAPI,
    routers: Sequence[APIRouter],
    describe_route: DescribeRoute,
    examples: Mapping[str, Any],
) -> None:
    """Install the app's OpenAPI, completed for its routers' routes; `examples` are by the name of their schema."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = schema = _schema(app, examples)
            for route in (route for router in routers for route in router.routes):
                if isinstance(route, APIRoute):
                    _describe(schema["paths"][route.path_format], route, describe_route)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(path: dict[str, Any], route: APIRoute, describe_route: DescribeRoute) -> None:
    for method in route.methods or ():  # invalid input is 400 here, and FastAPI's 422 never answered
        path[method.lower()]["responses"].pop("422", None)
    describe_route(path, route)


def _schema(app: FastAPI, examples: Mapping[str, Any]) -> dict[str, Any]:
    surface: Surface = app.state.surface
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=_servers(surface.mount),
    )
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {surface.credential.name: dict(surface.credential.described)}
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = dict(surface.errors.schema)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, example in examples.items():
        schemas[name]["examples"] = [example]
    return schema


def _servers(mount: str) -> list[dict[str, str]]:
    return [
        {"url": f"/{mount}", "description": "Under any host"},
        {"url": "/", "description": f"At the root of a host whose first label is {mount}"},
    ]


def security_of(credential: Credential) -> Security:
    """The security requirement of an operation whose callers present this credential."""
    return [{credential.name: []}]


def error_response(description: str, example: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The response of an error, in the surface's error format."""
    media: dict[str, Any] = {"schema": ERROR_SCHEMA}
    if example is not None:
        media["example"] = example
    return {"description": description, "content": {"application/json": media}}


def rate_limit_headers(limit: str, remaining: str, reset: str) -> dict[str, Any]:
    """The headers of a limited answer, with the surface's descriptions."""
    descriptions = {"Limit": limit, "Remaining": remaining, "Reset": reset}
    return {
        f"X-RateLimit-{name}": {"schema": {"type": "integer"}, "description": description}
        for name, description in descriptions.items()
    }


def guard_of(route: APIRoute) -> Guard | None:
    """The guard of a route; None for a route without authentication."""
    calls = (found.call for found in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, Guard)), None)

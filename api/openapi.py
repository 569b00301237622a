"""What every surface's OpenAPI has alike: where it is served, bearer tokens, and an error of its own shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.surface import Allowed, Surface

DescribeRoute = Callable[[dict[str, Any], APIRoute], None]
"""Completes what stands under a path, for one of its routes."""


def describe(
    app: FastAPI,
    routers: Sequence[APIRouter],
    describe_route: DescribeRoute,
    examples: Mapping[str, Any],
) -> None:
    """Makes the app's OpenAPI say what its routers' routes do; `examples` are by the name of their schema."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = schema = _schema(app, examples)
            for route in (route for router in routers for route in router.routes):
                if isinstance(route, APIRoute):
                    describe_route(schema["paths"][route.path_format], route)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schema(app: FastAPI, examples: Mapping[str, Any]) -> dict[str, Any]:
    surface: Surface = app.state.surface
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=_servers(surface.name),
    )
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = dict(surface.errors.schema)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, example in examples.items():
        schemas[name]["examples"] = [example]
    return schema


def _servers(name: str) -> list[dict[str, str]]:
    return [
        {"url": f"/{name}", "description": "Under any host"},
        {"url": "/", "description": f"At the root of a host whose first label is {name}"},
    ]


def guard_of(route: APIRoute) -> Allowed | None:
    """What lets a route's callers through; None where everybody may call."""
    calls = (found.call for found in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, Allowed)), None)

"""The documentation pages of a surface's OpenAPI: Swagger UI at `/docs`, ReDoc at `/redoc`.

Every file that they load comes from this process, so they work without internet access.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from api.proxies import PREFIX, public_root

OPENAPI = "/openapi.json"
FILES = "fastapi_standalone_docs"
NO_ICON = "data:,"
NO_VALIDATOR = {"validatorUrl": None}
"""Without this, Swagger UI sends the address of the OpenAPI to a validator on a third party's server."""


def add_pages(app: FastAPI) -> None:
    """Serve both pages and their files, relative to the path and host of each request."""

    async def swagger(request: Request) -> HTMLResponse:
        root = public_root(request.scope)
        return get_swagger_ui_html(
            openapi_url=root + OPENAPI,
            title=app.title,
            swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/swagger-ui.css",
            swagger_favicon_url=NO_ICON,
            swagger_ui_parameters=NO_VALIDATOR,
        )

    async def redoc(request: Request) -> HTMLResponse:
        root = public_root(request.scope)
        return get_redoc_html(
            openapi_url=root + OPENAPI,
            title=app.title,
            redoc_favicon_url=NO_ICON,
            redoc_js_url=f"{root}/redoc/redoc.standalone.js",
            with_google_fonts=False,
        )

    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(_behind(app.openapi(), request.scope.get(PREFIX, "")))

    app.add_route(OPENAPI, openapi, include_in_schema=False)
    app.add_route("/docs", swagger, include_in_schema=False)
    app.add_route("/redoc", redoc, include_in_schema=False)
    app.mount("/docs", StaticFiles(packages=[(FILES, "static/swagger")]))
    app.mount("/redoc", StaticFiles(packages=[(FILES, "static/redoc")]))


def _behind(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The document with the addresses of its servers as callers see them, behind a proxy's prefix."""
    if not prefix:
        return document
    servers = [server | {"url": (prefix + server["url"]).rstrip("/")} for server in document["servers"]]
    return document | {"servers": servers}

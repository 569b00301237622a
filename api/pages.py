"""The pages that show a surface's OpenAPI: Swagger UI at `/docs`, ReDoc at `/redoc`.

All that they load comes with the program, so that they show something where there is no network.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

FILES = "fastapi_standalone_docs"
NO_ICON = "data:,"
NO_VALIDATOR = {"validatorUrl": None}
"""Swagger UI would send the address of what it shows to somebody else's server, to have it checked."""


def add_pages(app: FastAPI) -> None:
    """Serves both pages and their files, below whatever path or host the app itself is reached."""

    async def swagger(request: Request) -> HTMLResponse:
        root = _root(request)
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/swagger-ui.css",
            swagger_favicon_url=NO_ICON,
            swagger_ui_parameters=NO_VALIDATOR,
        )

    async def redoc(request: Request) -> HTMLResponse:
        root = _root(request)
        return get_redoc_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            redoc_favicon_url=NO_ICON,
            redoc_js_url=f"{root}/redoc/redoc.standalone.js",
            with_google_fonts=False,
        )

    app.add_route("/docs", swagger, include_in_schema=False)
    app.add_route("/redoc", redoc, include_in_schema=False)
    app.mount("/docs", StaticFiles(packages=[(FILES, "static/swagger")]))
    app.mount("/redoc", StaticFiles(packages=[(FILES, "static/redoc")]))


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")

"""The documentation pages of a surface's OpenAPI: Swagger UI at `/docs`, ReDoc at `/redoc`.

Every file that they load comes from this process, so they work without internet access.
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
"""Without this, Swagger UI sends the address of the OpenAPI to a validator on a third party's server."""


def add_pages(app: FastAPI) -> None:
    """Serve both pages and their files, relative to the path and host of each request."""

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

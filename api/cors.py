"""Cross-origin requests by browsers (CORS), for surfaces whose documents offer a browser's SDK.

Callers authenticate by a header that no browser adds by itself, so an origin gets nothing that a caller without a
browser would not get. Preflights are answered before authentication and are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api.routing import Layer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
EXPOSED = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Retry-After",
    "Location",
    "ETag",
    "Headwater-Position",
    "Idempotency-Replayed",
    "X-Correlation-ID",
    "WWW-Authenticate",
)
"""The headers of an answer that a script may read, beside those that every script may."""

PREFLIGHT_SECONDS = 600


def cross_origin(origins: Sequence[str]) -> Layer:
    """The layer that lets pages of these origins call a surface; `*` is every origin."""

    def layer(app: ASGIApp) -> ASGIApp:
        return CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_SECONDS,
        )

    return layer

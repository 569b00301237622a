"""Correlation ids of requests, for surfaces that ask for them: the caller's own, or one that is made.

The id is echoed, stands in the log beside an unexpected error, and names that error in its answer.
"""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.headers import with_default_headers

HEADER = b"x-correlation-id"
CORRELATION = "headwater.correlation"
"""The scope's key of the id."""

PRINTABLE = re.compile(rb"[\x20-\x7e]{1,128}")
"""What a caller may give; anything else is replaced, as it would reach logs."""


def correlated(app: ASGIApp) -> ASGIApp:
    """The layer that gives every request and answer its id."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        id_ = scope[CORRELATION] = _given(scope) or str(uuid4())
        await app(scope, receive, with_default_headers(send, lambda: [(HEADER, id_.encode())]))

    return serve


def identified(app: ASGIApp) -> ASGIApp:
    """The layer that gives every request an id of ours, a UUID, which its errors name; nothing of the caller's."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CORRELATION] = str(uuid4())
        await app(scope, receive, send)

    return serve


def correlation_of(connection: HTTPConnection) -> str:
    """The id of a request or a socket, in a surface with one of these layers."""
    found: str = connection.scope[CORRELATION]
    return found


def _given(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == HEADER), b"").strip()
    return given.decode() if PRINTABLE.fullmatch(given) else ""

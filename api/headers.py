"""The headers of every answer that leaves a process, whatever made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.types import Message, Send

Header = tuple[bytes, bytes]

CACHE_CONTROL = b"cache-control"
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (CACHE_CONTROL, b"no-store"),
)
"""Nothing is stored, framed or guessed at unless an answer says otherwise. The fourth is for browsers without CSP."""


def with_security_headers(send: Send) -> Send:
    """`send` that adds the security headers which an answer does not have itself."""
    return with_default_headers(send, lambda: SECURITY_HEADERS)


def with_default_headers(send: Send, defaults: Callable[[], Sequence[Header]]) -> Send:
    """`send` that adds the headers, named in lower case, which an answer does not have itself."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = [*given, *(header for header in defaults() if header[0] not in names)]
        await send(message)

    return sending


def answer_of(status: HTTPStatus) -> bytes:
    """The whole answer of a status without a surface."""
    body = f"{status.phrase}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *SECURITY_HEADERS,
    ]
    lines = [f"HTTP/1.1 {status} {status.phrase}".encode(), *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", body])

"""HEAD for every GET (RFC 9110, section 9.3.2): the same status and headers, without a body.

The framework serves HEAD on no route. Here a HEAD request is asked as GET, so no route and no OpenAPI needs another
method.
"""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD_ASKED = "headwater.head"
"""The scope's key that says that only the headers are wanted."""


class HeadAnswered(OSError):
    """The end of a stream whose headers are all that is wanted. To the stream, its client has disconnected."""


async def answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a HEAD request with the headers that `app` answers GET with. A body of unknown length is broken off."""
    endless = False

    async def send_headers(message: Message) -> None:
        nonlocal endless
        if message["type"] == "http.response.start":
            endless = all(name.lower() != b"content-length" for name, _ in message["headers"])
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif endless and message.get("more_body", False):
            raise HeadAnswered("a HEAD request has been answered")

    with suppress(HeadAnswered, ClientDisconnect):
        await app({**scope, "method": "GET", HEAD_ASKED: True}, receive, send_headers)

"""The edge of a process as one ASGI app: each surface under its prefix and at the root of its host, status at `/`.

`/communication/api/…` and `Host: communication.localhost` reach the same surface, so the paths of the documents and
their SDKs work verbatim. `-` and `_` are one in the names of surfaces.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.head import answer_head
from api.headers import with_security_headers
from api.mounts import canonical, mount_of
from api.proxies import Proxies

log = logging.getLogger(__name__)

Report = Callable[[], Coroutine[Any, Any, dict[str, object]]]
LiveFigures = Callable[[], Coroutine[Any, Any, tuple[int, bytes]]]
"""The answer of `/live`: its status and its JSON."""

INTERNALS = ("/ready", "/metrics", "/live")
STATUS = ("/", "/metrics", "/live")
"""The paths that stay the process's where a surface is at the root of every host."""


class Internals(NamedTuple):
    """Who may ask for readiness, metrics and figures: whoever reaches this port, or has this token; else everybody."""

    port: int | None = None
    token: str | None = None


class Edge:
    """The dispatcher by the path's first segment, then the host's first label, else to the status of the process.

    `surfaces` are by canonical name; the one named `root` is also at the root of every host that names none.
    """

    def __init__(
        self,
        surfaces: Mapping[str, ASGIApp],
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
        ready: Report,
        measure: Callable[[], Coroutine[Any, Any, None]],
        proxies: Proxies | None = None,
        internals: Internals | None = None,
        root: str | None = None,
    ) -> None:
        self._surfaces = surfaces
        self._lifespan = lifespan
        self._ready = ready
        self._reporting: asyncio.Task[dict[str, object]] | None = None
        self._measure = measure
        self._proxies = proxies or Proxies()
        self._internals = internals or Internals()
        self._root = None if root is None else surfaces.get(canonical(root))
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self.live: LiveFigures | None = None

    def failed(self, failure: BaseException) -> None:
        """Record that the runtime behind the edge has failed, and end the process."""
        self.failure = failure
        self.on_failure()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope.get("method") == "HEAD":
            await answer_head(self, scope, receive, send)
            return
        self._proxies.see(scope)
        send = with_security_headers(send)
        surface = None if self._is_internal(scope) else self._surface_of(scope)
        if surface is not None:
            await surface(scope, receive, send)
        elif scope["type"] == "http":
            await self._process(scope, send)
        else:
            await _refuse_socket(receive, send)

    def _is_internal(self, scope: Scope) -> bool:
        port = self._internals.port
        return port is not None and scope["server"] is not None and scope["server"][1] == port

    def _surface_of(self, scope: Scope) -> ASGIApp | None:
        """The surface of the path's first segment, which becomes its root, or of the host, or at every host's root."""
        if not scope["path"].startswith("/"):  # as in OPTIONS *
            return None
        first = scope["path"].split("/", 2)[1]
        surface = self._surfaces.get(canonical(first))
        if surface is None:
            at_root = None if scope["path"] in STATUS else self._root
            return self._surfaces.get(_host_label(scope), at_root)
        scope["root_path"] = f"{scope.get('root_path', '')}/{first}"
        return surface

    async def _process(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if path in INTERNALS and not await self._may_see(scope, send):
            return
        match path:
            case "/health":
                await _answer(send, 200, {"status": "healthy"})
            case "/ready":
                report = await self._report()
                await _answer(send, 200 if report["ready"] else 503, report)
            case "/metrics":
                await self._measure()
                await _send(send, 200, CONTENT_TYPE_LATEST, generate_latest())
            case "/live" if self.live is not None:
                status, figures = await self.live()
                await _send(send, status, "application/json", figures)
            case "/":
                await _answer(send, 200, {"service": "headwater", "surfaces": sorted(map(mount_of, self._surfaces))})
            case "*" if scope["method"] == "OPTIONS":
                await _send(send, 200, "text/plain", b"")
            case _:
                where = ", ".join(f"/{mount_of(name)}" for name in sorted(self._surfaces))
                problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": f"surfaces: {where}"}
                await _send(send, 404, "application/problem+json", orjson.dumps(problem))

    async def _may_see(self, scope: Scope, send: Send) -> bool:
        """Whether this caller may see internals; answers 404 on another port, and 401 without the token."""
        internals = self._internals
        if internals.port is not None and not self._is_internal(scope):
            await _answer(send, 404, {"detail": "internals are served on a port of their own"})
            return False
        if internals.token is not None and not _has_token(scope, internals.token):
            await _answer(send, 401, {"detail": "internals need HEADWATER_INTERNAL_TOKEN as a bearer token"})
            return False
        return True

    async def _report(self) -> dict[str, object]:
        """The readiness, found out once for all who ask at the same time; an answer whatever happens."""
        if self._reporting is None or self._reporting.done():
            self._reporting = asyncio.create_task(self._ready(), name="readiness")
        try:
            return await asyncio.shield(self._reporting)
        except Exception as error:
            log.error("readiness cannot be found out", exc_info=error)
            return {"ready": False, "error": type(error).__name__}

    async def _live(self, receive: Receive, send: Send) -> None:
        message: Message = await receive()
        assert message["type"] == "lifespan.startup"
        try:
            async with self._lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as failure:  # noqa: BLE001 - kept for `serve_edge`, which prints it
            self.failure = failure
            await send({"type": "lifespan.startup.failed", "message": str(failure)})
            return
        await send({"type": "lifespan.shutdown.complete"})


def _host_label(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            label: str = value.partition(b".")[0].decode("latin-1")
            return canonical(label)
    return ""


def _has_token(scope: Scope, token: str) -> bool:
    given = (value for name, value in scope["headers"] if name == b"authorization")
    return hmac.compare_digest(next(given, b""), f"Bearer {token}".encode())


async def _refuse_socket(receive: Receive, send: Send) -> None:
    """Refuse the handshake of a WebSocket that no surface has; the server answers it 403."""
    await receive()
    await send({"type": "websocket.close"})


async def _answer(send: Send, status: int, body: object) -> None:
    await _send(send, status, "application/json", orjson.dumps(body))


async def _send(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The edge of a process as one ASGI app: each surface under its prefix and at the root of its host, status at `/`.

`/communication/api/…` and `Host: communication.localhost` reach the same surface, so the paths of the documents and
their SDKs work verbatim.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.head import answer_head

Report = Callable[[], Awaitable[dict[str, object]]]


class Edge:
    """The dispatcher by the path's first segment, then the host's first label, else to the status of the process."""

    def __init__(
        self,
        surfaces: Mapping[str, ASGIApp],
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
        ready: Report,
        measure: Callable[[], Awaitable[None]],
    ) -> None:
        self._surfaces = surfaces
        self._lifespan = lifespan
        self._ready = ready
        self._measure = measure
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self.live: Callable[[], bytes] | None = None

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
        first = scope["path"].split("/", 2)[1]
        surface = self._surfaces.get(first)
        if surface is not None:
            scope["root_path"] = f"{scope.get('root_path', '')}/{first}"
            await surface(scope, receive, send)
            return
        surface = self._surfaces.get(_host_label(scope))
        if surface is not None:
            await surface(scope, receive, send)
        elif scope["type"] == "http":
            await self._process(scope, send)

    async def _process(self, scope: Scope, send: Send) -> None:
        match scope["path"]:
            case "/health":
                await _answer(send, 200, {"status": "healthy"})
            case "/ready":
                report = await self._ready()
                await _answer(send, 200 if report["ready"] else 503, report)
            case "/metrics":
                await self._measure()
                await _send(send, 200, CONTENT_TYPE_LATEST, generate_latest())
            case "/live" if self.live is not None:
                await _send(send, 200, "application/json", self.live())
            case "/":
                await _answer(send, 200, {"service": "headwater", "surfaces": sorted(self._surfaces)})
            case _:
                where = ", ".join(f"/{name}" for name in sorted(self._surfaces))
                problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": f"surfaces: {where}"}
                await _send(send, 404, "application/problem+json", orjson.dumps(problem))

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
            return label.replace("-", "_")
    return ""


async def _answer(send: Send, status: int, body: object) -> None:
    await _send(send, status, "application/json", orjson.dumps(body))


async def _send(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

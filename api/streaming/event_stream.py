"""Server-sent events that end when their client leaves, and never fall silent for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

T = TypeVar("T")

HEARTBEAT = b": keep-alive\n\n"
HEARTBEAT_SECONDS = 15.0
STALLED_SECONDS = 60.0
"""A client that takes nothing for so long is taken to have left."""


class EventStream(Response):
    """Passes events on as they come, one at a time: the next is asked for when the last has been taken.

    `left` is called once if the stream ends early, with whether it was the client that left (else it is our doing).
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        left: Callable[[bool], Awaitable[None]] | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._left = left
        self._heartbeat_seconds = heartbeat_seconds
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()
        self._sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(disconnected(receive))
        beating = asyncio.create_task(self._beat(send))
        ours = True
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            ours = sending.done() and _failed(sending, scope["path"])
        finally:
            whole = sending.done() and not sending.cancelled() and sending.exception() is None
            for task in (sending, leaving, beating):
                task.cancel()
            await asyncio.gather(sending, leaving, beating, return_exceptions=True)
            await self._events.aclose()
            if not whole and self._left is not None:
                await self._left(not ours)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._begun.set()
        async for event in self._events:
            await self._taken(send, event)
        await self._taken(send, b"", more=False)

    async def _beat(self, send: Send) -> None:
        await self._begun.wait()
        while True:
            seen = self._sent
            await asyncio.sleep(self._heartbeat_seconds)
            if self._sent == seen:
                await self._taken(send, HEARTBEAT)

    async def _taken(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(STALLED_SECONDS), self._turn:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        self._sent += 1


def _failed(sending: asyncio.Task[None], path: str) -> bool:
    """Whether it ended by a fault of our own, which is logged; a client that takes nothing is none."""
    error = sending.exception()
    if error is None or isinstance(error, OSError | TimeoutError):
        return False
    log.error("the stream %s broke", path, exc_info=error)
    return True


async def disconnected(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What the work comes to. Raises ClientDisconnect, and cancels the work, when the client leaves before."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(disconnected(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)

"""Server-sent events that end when their client disconnects, with a heartbeat between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.streaming.hub import Hub, SubscriptionEnded, position_of

log = logging.getLogger(__name__)

T = TypeVar("T")

HEARTBEAT = b": keep-alive\n\n"
HEARTBEAT_SECONDS = 15.0
STALLED_SECONDS = 60.0
"""Seconds without progress in sending after which a client counts as disconnected."""


class EventStream(Response):
    """A stream of events with backpressure: the next event is requested when the last one is sent.

    `left` is called once if the stream ends early, True for a disconnected client, False for a failure or stop of ours.
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
        leaving = asyncio.create_task(until_disconnected(receive))
        beating = asyncio.create_task(self._send_heartbeats(send))
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
            await self._send_body(send, event)
        await self._send_body(send, b"", more=False)

    async def _send_heartbeats(self, send: Send) -> None:
        await self._begun.wait()
        while True:
            seen = self._sent
            await asyncio.sleep(self._heartbeat_seconds)
            if self._sent == seen:
                await self._send_body(send, HEARTBEAT)

    async def _send_body(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(STALLED_SECONDS), self._turn:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        self._sent += 1


def _failed(sending: asyncio.Task[None], path: str) -> bool:
    """Whether sending ended by our fault, which is logged. A client that stops reading is not our fault."""
    error = sending.exception()
    if error is None or isinstance(error, OSError | TimeoutError):
        return False
    log.error("the stream %s broke", path, exc_info=error)
    return True


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_disconnected(request: Request, work: Awaitable[T]) -> T:
    """The result of the work. Cancels the work and raises ClientDisconnect when the client disconnects first."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(until_disconnected(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def channel_events(hub: Hub, channel: str, after: int) -> AsyncGenerator[bytes, None]:
    """The messages of a channel after a sequence as events, whose ids are positions (`Last-Event-ID`).

    The last event, of the type `end`, has a close code as sockets do; 1013 means that the client was too slow.
    """
    with hub.subscription(channel, after) as messages:
        try:
            while True:
                message = await messages.next()
                yield f"id: {position_of(channel, message.sequence)}\ndata: {message.text}\n\n".encode()
        except SubscriptionEnded as ended:
            data = orjson.dumps({"code": ended.code, "reason": ended.reason})
            yield b"event: end\ndata: " + data + b"\n\n"

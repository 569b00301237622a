"""The bounds of a WebSocket connection: bytes of a message, fragments, what is read ahead, and the time of an end.

uvicorn's protocol logs addresses with their query, queues every message of what it has read, answers pings of a client
that reads nothing, and waits without end for such a client when it closes.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.events import TimerHandle
from http import HTTPStatus
from typing import Any, ClassVar, TypedDict, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

from api.headers import answer_of

MOST_BYTES = 65_536
"""Bytes of a message from a client, in all of its fragments."""

PIECE_BYTES = 4_096
"""Bytes that are parsed at once, so that a read of many small messages does not become as many objects."""

PING_SECONDS = 20.0
CLOSE_SECONDS = 5.0
"""Seconds in which a client answers a close frame and reads what was sent before it; then the connection is cut."""

WRITE_FRAME = "headwater.write_frame"
"""The scope's extension that writes a whole frame, made once for many sockets. See `write_frame`."""

LIBRARY_LOG = logging.getLogger(f"{__name__}.library")
"""The log of uvicorn's and websockets' classes. Their lines below a warning show addresses with their query."""
LIBRARY_LOG.setLevel(logging.WARNING)


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol within the bounds. `open_sockets` holds the connections of one server."""

    open_sockets: ClassVar[set[BoundedSocketProtocol]] = set()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.close_timeout = CLOSE_SECONDS
        self.logger = self.conn.logger = LIBRARY_LOG
        self.conn.debug = False
        self._unread = bytearray()
        self._abort_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open_sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_sockets.discard(self)
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._start_handshake(data)
            return
        self._unread += data
        self._parse_unread()

    def _start_handshake(self, request: bytes) -> None:
        """The request is complete: the HTTP protocol has parsed it, perhaps more leniently than websockets does."""
        try:
            super().data_received(request)
            understood = self.handshake_initiated
        except UnicodeError:
            self.handshake_initiated, understood = True, False
        if not understood:
            self.transport.write(b"".join(self.conn.data_to_send()) or answer_of(HTTPStatus.BAD_REQUEST))
            self.transport.close()

    def _parse_unread(self) -> None:
        while self._unread and not self.read_paused and not self.transport.is_closing():
            piece = bytes(self._unread[:PIECE_BYTES])
            del self._unread[:PIECE_BYTES]
            super().data_received(piece)

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        self._parse_unread()
        return message

    def handle_cont(self, event: Frame) -> None:
        """One buffer for all fragments: a list of them would grow with every empty one."""
        if not isinstance(self.frames[0], bytearray):
            self.frames = [cast(bytes, bytearray(self.frames[0]))]
        self.frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames[0]):
            self.conn.fail(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """A client that does not read gets no pong (RFC 6455, 5.5.3, lets a later one answer for all)."""
        if self.writable.is_set() and not self.transport.is_closing():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        if self.read_paused and self.ping_timeout is not None:  # the pong may be among what was not read yet
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._abort_later()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._abort_later()

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops: 1001, and the client has time to answer it."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
        elif not self.transport.is_closing():
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY})
            self.conn.send_close(CloseCode.GOING_AWAY)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self._closing()
        self._abort_later()

    async def run_asgi(self) -> None:
        cast(dict[str, object], self.scope["extensions"])[WRITE_FRAME] = self.write_frame
        await super().run_asgi()
        if not self.disconnected:
            self._abort_later()

    async def send(self, message: ASGISendEvent) -> None:
        await self.writable.wait()
        if self.close_sent:  # by the server's stop, or for what the client sent
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.close":
            self._parse_unread()

    def write_frame(self, frame: bytes) -> bool:
        """Write a frame without a wait. False where it must be sent as usual: to wait for the client, or to fail."""
        ready = self.writable.is_set() and self.handshake_complete and not self.close_sent
        if not ready or self.disconnected or self.conn.state is not State.OPEN or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def _closing(self) -> None:
        """Read on, for the client's own close frame."""
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._parse_unread()

    def _abort_later(self) -> None:
        if self._abort_timer is None:
            self._abort_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


def text_frame(text: str) -> bytes:
    """The frame of a text, as a server sends it."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class SocketOptions(TypedDict):
    """uvicorn's options for WebSockets."""

    ws: type[asyncio.Protocol]
    ws_max_size: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_per_message_deflate: bool


def socket_options() -> SocketOptions:
    """The options of one server. Without compression, whose memory a client would choose."""
    return {
        "ws": type("BoundedSocketProtocol", (BoundedSocketProtocol,), {"open_sockets": set()}),
        "ws_max_size": MOST_BYTES,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PING_SECONDS,
        "ws_per_message_deflate": False,
    }

"""The bounds of an HTTP connection: bytes and number of headers, length of the address, time, number of connections.

uvicorn's protocol on httptools has none of them. What is refused here has not reached a surface, so the answer has no
surface's format.
"""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from enum import Enum
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.headers import answer_of
from api.socket_protocol import BoundedSocketProtocol

LINGER_SECONDS = 1.0
"""Seconds in which a refused connection is read and dropped, so that its client can read the answer before the end."""


class Bounds(NamedTuple):
    """The bounds of a server. Times are for one request: its headers, and its body after them.

    A body of which `body_bytes` have come in its time is given as much time again, until it is answered: a large file
    over a slow line. `connections` are those of HTTP; one that has become a WebSocket counts among `sockets`.
    """

    header_bytes: int = 32_768
    headers: int = 100
    url_bytes: int = 8_192
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    body_bytes: int = 500_000
    connections: int = 1_000
    sockets: int = 10_000


class Stage(Enum):
    """The part of a request that is awaited; IDLE between requests, and while one is answered."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class Exceeded(Exception):
    """A bound that was exceeded within the parser, which stops at any exception."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within `bounds`. `open_connections` holds those of one server, oldest first."""

    bounds: ClassVar[Bounds] = Bounds()
    open_connections: ClassVar[dict[BoundedProtocol, None]] = {}

    _stage = Stage.HEAD
    _timer: TimerHandle | None = None
    _refused = _upgraded = False
    _status = HTTPStatus.BAD_REQUEST
    _unparsed = _headers = _header_bytes = _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open_connections[self] = None
        self._start_timer()
        if len(self.open_connections) > self.bounds.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self._upgraded or self._refused:
            return
        if self._unparsed > self.bounds.header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None and (self._stage is not Stage.IDLE or self._forgotten):
            self._start_timer()

    @property
    def _forgotten(self) -> bool:
        """Line ends between requests end the wait for the next one, and begin none."""
        return not self._answering and self.timeout_keep_alive_task is None

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage, self._headers, self._header_bytes = Stage.HEAD, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.bounds.url_bytes:
            self._exceeded(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also called for the trailers of a body."""
        self._headers += 1
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if self._headers > self.bounds.headers or self._header_bytes > self.bounds.header_bytes:
            self._exceeded(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._advance(Stage.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._advance(Stage.IDLE)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser stops."""
        self._refuse(self._status)

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        if self._too_many_sockets():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._upgraded = True
        self.open_connections.pop(self, None)
        super().handle_websocket_upgrade()

    def _too_many_sockets(self) -> bool:
        kind = self.ws_protocol_class
        if kind is None or not issubclass(kind, BoundedSocketProtocol):
            return False
        return len(kind.open_sockets) >= self.bounds.sockets

    def _advance(self, stage: Stage) -> None:
        self._stage, self._unparsed, self._body_bytes = stage, 0, 0
        self._stop_timer()

    def _exceeded(self, status: HTTPStatus) -> None:
        self._status = status
        raise Exceeded

    def _start_timer(self) -> None:
        seconds = self.bounds.body_seconds if self._stage is Stage.BODY else self.bounds.header_seconds
        self._timer = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        """Bytes of a body that is answered already count for nothing: they are read and dropped."""
        if self._stage is Stage.BODY and self._answering and self._body_bytes >= self.bounds.body_bytes:
            self._body_bytes = 0
            self._start_timer()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _make_room(self) -> None:
        """The oldest connection without a complete request goes; whoever asks in one piece is always answered."""
        for other in self.open_connections:
            if other is not self and (other._stage is Stage.BODY or not other._answering):
                other._end()
                return
        self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def _refuse(self, status: HTTPStatus) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_timer()
        if not self._may_answer():
            self.transport.close()
            return
        self.transport.write(answer_of(status))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _may_answer(self) -> bool:
        """Whether no other answer is under way. A surface that waits for the body is told that its client has gone."""
        if not self._answering:
            return True
        if self._stage is not Stage.BODY or self.pipeline or self.cycle.response_started:
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _end(self) -> None:
        self._refused = True
        self._stop_timer()
        self.open_connections.pop(self, None)
        self.transport.abort()


def protocol_within(bounds: Bounds) -> type[BoundedProtocol]:
    """The protocol of one server."""
    return type("BoundedProtocol", (BoundedProtocol,), {"bounds": bounds, "open_connections": {}})

"""The bounds of a connection, over real sockets: nothing that comes from outside grows without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from api.headers import SECURITY_HEADERS
from api.protocol import BoundedProtocol, Bounds, protocol_within
from tests.imitations import listener

PATIENCE_SECONDS = 30.0
BOUNDS = Bounds(header_bytes=4_000, headers=20, url_bytes=500, header_seconds=30.0, body_seconds=30.0, connections=50)
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Answering:
    """An app that reads each body and answers its length; `waits` are paths whose answers wait for `open`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        if scope["path"] == "/waits":
            await self.open.wait()
        body = str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Server:
    """A running server, and the protocol of its connections."""

    def __init__(self, port: int, protocol: type[BoundedProtocol], app: Answering) -> None:
        self.port = port
        self.protocol = protocol
        self.app = app

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def answer(self, *pieces: bytes) -> bytes:
        """All that comes back for these pieces, until the server ends the connection."""
        reader, writer = await self.connect()
        with_end = asyncio.create_task(reader.read())
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await with_end
        writer.close()
        return found

    async def having_received(self, size: int) -> BoundedProtocol:
        """The only connection, once so much of a body has come in its time."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [one._body_bytes for one in self.protocol.open_connections] != [size]:
                await asyncio.sleep(0.005)
        return next(iter(self.protocol.open_connections))

    async def until_open(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.protocol.open_connections) != number:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(**bounds: Any) -> AsyncIterator[Server]:
    protocol, app, at = protocol_within(BOUNDS._replace(**bounds)), Answering(), listener()
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve(sockets=[at]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield Server(at.getsockname()[1], protocol, app)
    finally:
        app.open.set()
        server.should_exit = True
        await serving
        at.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


CLOSE = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"GET /" + b"a" * 499 + b" HTTP/1.1\r\n" + CLOSE,), 200),
        ((b"GET /" + b"a" * 500 + b" HTTP/1.1\r\n" + CLOSE,), 414),
        ((b"GET /", *[b"a" * 100] * 6), 414),
        ((b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 19 + CLOSE,), 200),
        ((b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20 + CLOSE,), 431),
        ((b"GET / HTTP/1.1\r\nA: ", b"b" * 3_900, b"\r\n" + CLOSE), 200),
        ((b"GET / HTTP/1.1\r\nA: ", b"b" * 4_100, b"\r\n" + CLOSE), 431),
        ((b"GET / HTTP/1.1\r\nA: ", *[b"b" * 100_000] * 30), 431),
        ((b"GET / HTTP/1.1\r\n" + b"a" * 4_100,), 431),
        ((b"\r\n" * 3_000,), 431),
        ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", *[b"b" * 100_000] * 3), 431),
        ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", *[b"A: b\r\n"] * 30), 431),
        ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", *[b"b" * 100_000] * 3), 431),
        ((b"nothing of HTTP\r\n\r\n",), 400),
    ],
    ids=[
        "a long address",
        "one too long",
        "one without end",
        "many headers",
        "one too many",
        "a long header",
        "one too long header",
        "one without end header",
        "a name without end",
        "line ends",
        "a trailer without end",
        "many trailers",
        "an extension without end",
        "no HTTP",
    ],
)
async def test_what_grows_is_refused_with_its_status(pieces: tuple[bytes, ...], expected: int) -> None:
    async with running() as server:
        answer = await server.answer(*pieces)
        assert status(answer) == expected
        if expected != 200:
            assert all(name + b": " + value in answer for name, value in SECURITY_HEADERS)
        assert status(await server.answer(b"GET / HTTP/1.1\r\n" + CLOSE)) == 200


async def test_a_body_may_be_longer_than_headers_may() -> None:
    body = b"x" * 300_000
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(body) // 10, body[: len(body) // 10]) for _ in range(10)) + b"0\r\n\r\n"
    async with running() as server:
        whole = await server.answer(b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n" + CLOSE, body)
        pieces = await server.answer(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + CLOSE, chunked)
    assert [answer.endswith(b"\r\n\r\n300000") for answer in (whole, pieces)] == [True, True]


async def test_requests_of_one_connection_are_counted_apart() -> None:
    async with running() as server:
        one = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 15 + b"\r\n"
        answer = await server.answer(one * 5 + b"GET / HTTP/1.1\r\n" + CLOSE)
    assert answer.count(b"HTTP/1.1 200 OK") == 6


@pytest.mark.parametrize(
    ("begun", "expected"),
    [(b"", 408), (b"GET / HT", 408), (b"GET / HTTP/1.1\r\nHost: a\r\n", 408), (b"\r\n", 408)],
    ids=["nothing", "half a line", "half a head", "a line end"],
)
async def test_a_head_that_does_not_come_in_time_is_given_up(begun: bytes, expected: int) -> None:
    async with running(header_seconds=0.2) as server:
        assert status(await server.answer(begun)) == expected
        await server.until_open(0)


async def test_a_body_that_does_not_come_in_time_is_given_up_and_its_request_told() -> None:
    async with running(body_seconds=0.2) as server:
        assert status(await server.answer(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")) == 408
        async with asyncio.timeout(PATIENCE_SECONDS):
            await server.app.gone.wait()
        await server.until_open(0)


async def test_a_body_that_keeps_coming_is_given_more_time_and_one_that_lags_is_not() -> None:
    """Each end of the time is made by the test."""
    async with running(body_bytes=10_000) as server:
        reader, writer = await server.connect()
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 30000\r\n\r\n")
        for size in (10_000, 10_000, 9_999):
            assert reader.at_eof() is False
            writer.write(bytes(size))
            (await server.having_received(size))._expire()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert status(await reader.read()) == 408
        writer.close()


async def test_line_ends_after_an_answer_keep_no_connection_open() -> None:
    async with running(header_seconds=0.2) as server:
        answer = await server.answer(REQUEST, b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        await server.until_open(0)


async def test_an_answer_may_take_longer_than_the_time_for_a_request() -> None:
    async with running(header_seconds=0.1, body_seconds=0.1) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /waits HTTP/1.1\r\n" + CLOSE)
        late = asyncio.get_running_loop().call_later(0.4, server.app.open.set)
        assert status(await reader.read()) == 200
        late.cancel()
        writer.close()


async def test_half_sent_requests_keep_nobody_out() -> None:
    async with running(connections=10) as server:
        halves = [await server.connect() for _ in range(40)]
        for number, (_, writer) in enumerate(halves):
            writer.write(b"GET / HT" if number % 2 else b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab")
        assert status(await server.answer(b"GET / HTTP/1.1\r\n" + CLOSE)) == 200
        assert len(server.protocol.open_connections) <= 10
        for _, writer in halves:
            writer.close()


async def test_where_every_connection_is_answered_one_more_is_told_to_come_later() -> None:
    async with running(connections=3) as server:
        busy = [await server.connect() for _ in range(3)]
        for _, writer in busy:
            writer.write(b"GET /waits HTTP/1.1\r\n" + CLOSE)
        await server.until_open(3)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(one._answering for one in server.protocol.open_connections):
                await asyncio.sleep(0.005)
        assert status(await server.answer(b"")) == 503
        server.app.open.set()
        assert [status(await reader.read()) for reader, _ in busy] == [200, 200, 200]
        for _, writer in busy:
            writer.close()

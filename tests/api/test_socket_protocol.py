"""The bounds of a WebSocket, whatever a client sends: no trace, no 5xx, no object without end."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.streaming.node import HANDSHAKE, STEADY, Node, prepare, served, until

PATIENCE_SECONDS = 30.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
STILL = STEADY._replace(renewal=600.0)
"""Presence times for a loop that stands still between two runs."""


class Served:
    """A node in a loop that runs whenever a test asks something of it."""

    def __init__(self, runner: asyncio.Runner, node: Node) -> None:
        self.runner = runner
        self.node = node


@pytest.fixture
def running(database: str) -> Iterator[Served]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        node = runner.run(stack.enter_async_context(served(prepare(database), times=STILL)))
        yield Served(runner, node)
        runner.run(stack.aclose())


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame of a client; the mask of zeros leaves the payload as it is."""
    length = len(payload)
    short = length if length < 126 else 126 if length < 65_536 else 127
    head = bytes([fin << 7 | reserved << 4 | opcode, masked << 7 | short])
    longer = b"" if length < 126 else struct.pack("!H" if length < 65_536 else "!Q", length)
    return head + longer + (bytes(4) if masked else b"") + payload


async def opened(
    node: Node, path: str = "/live/ws?channel=one&silent=1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", *HANDSHAKE, "", ""]).encode("latin-1"))
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, length = await reader.readexactly(2)
    size = length
    if length >= 126:
        size = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    return first & 15, await reader.readexactly(size)


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """The frames of the server, until it ends the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                yield await read_frame(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return


async def send(node: Node, data: bytes, *, end: bool = False) -> int | None:
    """The code with which the server closes after this, 1006 without one; None where it still answers a message."""
    reader, writer = await opened(node)
    try:
        writer.write(data + frame(TEXT, b'{"type": "dance"}'))
        if end:
            writer.write_eof()
        await writer.drain()
        async for opcode, payload in frames(reader):
            if opcode == TEXT and b"unknown_type" in payload:
                return None
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")
        return 1006
    except ConnectionError:
        return 1006
    finally:
        writer.close()


async def still_serves(node: Node) -> bool:
    async with node.client(silent="1") as client:
        await client.next()
        await client.send(type="dance")
        return bool((await client.next())["code"] == "unknown_type")


whole = st.builds(
    frame,
    st.sampled_from([0, TEXT, BINARY, CLOSE, PING, PONG, 3, 11]),
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    fin=st.booleans(),
    masked=st.sampled_from([True, True, True, False]),
    reserved=st.sampled_from([0, 0, 0, 0, 4, 1]),
)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(whole | st.binary(max_size=100), max_size=8))
def test_no_bytes_of_a_client_make_a_trace(running: Served, sent: list[bytes]) -> None:
    running.runner.run(send(running.node, b"".join(sent), end=True))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=json_like.map(repr) | st.text(max_size=300))
def test_a_text_of_any_kind_leaves_the_socket_open(running: Served, message: str) -> None:
    assert running.runner.run(send(running.node, frame(TEXT, message.encode()))) is None


@pytest.fixture(autouse=True)
def _without_a_trace(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test sends, no error and no trace is logged."""
    yield
    logged = caplog.get_records("call")
    assert [one.getMessage() for one in logged if one.exc_info or one.levelno >= logging.ERROR] == []


def fragments(number: int, size: int) -> bytes:
    middle = frame(0, b"x" * size, fin=False) * number
    return frame(TEXT, b'"', fin=False) + middle + frame(0, b'"')


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, "é".encode()[:1], fin=False) + frame(0, "é".encode()[1:]), None),
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(TEXT, b"x", reserved=4), 1002),
        (frame(3, b""), 1002),
        (frame(0, b"x"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(TEXT, b"x" * 65_537), 1009),
        (fragments(65, 1_024), 1009),
        (fragments(20_000, 3), None),
        (fragments(200_000, 0), None),
        (frame(TEXT, b'"a"') * 5_000, None),
        (frame(BINARY, b"x"), 1003),
        (frame(CLOSE, b"\x03\xe8"), 1000),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_frame_is_taken_or_ends_the_connection_with_its_code(running: Served, data: bytes, code: int | None) -> None:
    assert running.runner.run(send(running.node, data)) == code
    assert running.runner.run(still_serves(running.node))


def test_empty_fragments_take_no_room(running: Served) -> None:
    async def sent() -> int:
        reader, writer = await opened(running.node)
        assert (await read_frame(reader))[0] == TEXT
        writer.write(frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 100_000 + frame(PING, b""))
        await writer.drain()
        assert (await read_frame(reader))[0] == PONG
        (protocol,) = running.node.open_sockets()
        writer.close()
        return len(protocol.frames)

    assert running.runner.run(sent()) == 1


def test_pings_of_a_client_that_reads_nothing_are_not_answered_without_end(running: Served) -> None:
    async def sent() -> int:
        deaf = await running.node.deaf_client("one")
        loop = asyncio.get_running_loop()
        (protocol,) = running.node.open_sockets()
        protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        for _ in range(20):
            await loop.sock_sendall(deaf, frame(PING, b"x" * 125) * 500)
        await loop.sock_sendall(deaf, frame(TEXT, b'{"type": "heartbeat"}'))

        async def are_read() -> bool:
            return bool(running.node.handled)

        await until(are_read, "not all that was sent is read")
        waiting = protocol.transport.get_write_buffer_size()
        deaf.close()
        return waiting

    assert running.runner.run(sent()) < 200_000


@pytest.mark.parametrize(
    ("line", "more", "status"),
    [
        ("GET /live/ws?channel=" + "x" * 8_175 + " HTTP/1.1", (), 414),
        ("GET /live/ws HTTP/1.1", (f"X-Long: {'x' * 9_000}",), 431),
        ("GET /live/ws/\xe9 HTTP/1.1", (), 400),
        ("POST /live/ws HTTP/1.1", (), 405),
        ("GET /live/ws HTTP/1.1", ("Content-Length: 3", "", "abc"), 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_handshake_that_is_none_is_answered(running: Served, line: str, more: tuple[str, ...], status: int) -> None:
    async def answer() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.node.port)
        writer.write("\r\n".join([line, *HANDSHAKE, *more, "", ""]).encode("latin-1"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await reader.readline()
        writer.close()
        return found

    assert int(running.runner.run(answer()).split(b" ", 2)[1]) == status
    assert running.runner.run(still_serves(running.node))

"""A message to many sockets, through the log's table and the hub, beside a bare loop that sends to each.

    python -m bench.sockets [--sockets 1000] [--messages 50]

Both servers run in a process of their own, and one client process holds the sockets of each in turn. The time is from
just before the message is committed (or the loop begins) to its arrival at each socket; memory is the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import socket
import struct
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import orjson
import psycopg
import uvicorn
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.protocol import Bounds, protocol_within
from api.socket_protocol import socket_options
from api.streaming.hub import ChannelRow, Hub
from api.streaming.sockets import Opening, SocketMessage, Sockets
from bench.databases import new_server
from bench.gccp import processor_seconds
from streams.core.commits import Commits
from streams.postgres.reads import Reads

TABLE = "create table messages (channel text, sequence bigint, payload jsonb, primary key (channel, sequence))"
ADD = "insert into messages values ('one', %s, %s)"
AFTER = """
    select channel, sequence, 'said', payload from public.messages where channel = 'one' and sequence > %s order by 2
"""
SPACING_SECONDS = 0.2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sockets", type=int, default=1_000)
    options.add_argument("--messages", type=int, default=50)
    given = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with new_server() as server:
        dsn = server.dsn
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(TABLE)
        report(
            given.sockets, {name: measured(kind, dsn, given.sockets, given.messages) for name, kind in KINDS.items()}
        )


class Bare:
    """A loop that sends to every socket in turn."""

    def __init__(self, _dsn: str) -> None:
        self._sockets: list[WebSocket] = []

    async def serve(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self._sockets.append(websocket)
        await websocket.send_text('{"type":"welcome"}')
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            self._sockets.remove(websocket)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    async def say(self, number: int) -> None:
        text = orjson.dumps({"type": "said", **payload(number)}).decode()
        for one in tuple(self._sockets):
            await one.send_text(text)


class Observer:
    """A conversation that only listens."""

    async def open(self) -> Opening:
        return Opening("one", 0, SocketMessage("welcome", {}))

    async def receive(self, _message: Mapping[str, object]) -> SocketMessage | None:
        return None

    async def close(self) -> None:
        """Nothing is to be recorded."""


class Hubbed:
    """Sockets over a hub; a message is a committed row."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._reads = Reads(dsn)
        self._commits = Commits()
        self._hub = Hub(self._commits, self._rows)
        self._sockets = Sockets(self._hub, anybody)

    async def serve(self, websocket: WebSocket) -> None:
        await self._sockets.serve(websocket, lambda _socket, _caller: Observer())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._reads.open()
        self._writing = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        yield
        await self._hub.close()
        await self._reads.close()

    async def say(self, number: int) -> None:
        await self._writing.execute(ADD, (number, Jsonb(payload(number))))
        self._commits.announce()

    async def _rows(self, after: Mapping[str, int], _most: int) -> Sequence[ChannelRow]:
        async with self._reads.connection() as connection:
            cursor = await connection.execute(AFTER, (after["one"],))
            return [ChannelRow(*row) for row in await cursor.fetchall()]


async def anybody(_websocket: WebSocket) -> None:
    """Callers have no key here."""


KINDS: dict[str, type[Bare | Hubbed]] = {"bare loop": Bare, "hub": Hubbed}


def payload(number: int) -> dict[str, object]:
    return {"number": number, "sent_at": time.monotonic(), "text": "Breathe in for four seconds, and hold"}


def serve(kind: type[Bare | Hubbed], dsn: str, at: socket.socket, messages: int) -> None:
    """Serve, and begin to send at the first text of any client."""
    asyncio.run(_serve(kind(dsn), at, messages))


async def _serve(product: Bare | Hubbed, at: socket.socket, messages: int) -> None:
    begun = asyncio.Event()

    async def endpoint(websocket: WebSocket) -> None:
        if websocket.query_params.get("begin"):
            begun.set()
        await product.serve(websocket)

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    http = protocol_within(Bounds(sockets=100_000))
    config = uvicorn.Config(app, http=http, **socket_options(), loop="uvloop", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[at]))
    async with product.running():
        await begun.wait()
        for number in range(1, messages + 1):
            await asyncio.sleep(SPACING_SECONDS)
            await product.say(number)
        await serving


class Broadcast(NamedTuple):
    """Seconds from each message to each socket; the server's processor seconds for all, and its bytes for a socket."""

    seconds: list[float]
    processor_seconds: float
    memory: int


def measured(kind: type[Bare | Hubbed], dsn: str, sockets: int, messages: int) -> Broadcast:
    at = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    process = get_context("fork").Process(target=serve, args=(kind, dsn, at, messages))
    process.start()
    try:
        assert process.pid is not None
        return asyncio.run(listened(at.getsockname()[1], process.pid, sockets, messages))
    finally:
        process.kill()
        process.join()
        at.close()


async def listened(port: int, server: int, sockets: int, messages: int) -> Broadcast:
    readers = [await connected(port, "/ws") for _ in range(20)]
    before = resident(server)
    readers += [await connected(port, "/ws") for _ in range(sockets - len(readers))]
    memory = (resident(server) - before) // max(sockets - 20, 1)
    found: list[float] = []
    hearing = asyncio.gather(*(hear(reader, messages, found) for reader in readers))
    used = processor_seconds(server)
    await connected(port, "/ws?begin=1")
    await hearing
    return Broadcast(found, processor_seconds(server) - used, memory)


async def connected(port: int, path: str) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""]
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"\r\n\r\n")
    welcome = orjson.loads(await text_of(reader))
    assert welcome["type"] == "welcome", welcome
    KEPT.append(writer)
    return reader


KEPT: list[asyncio.StreamWriter] = []


async def hear(reader: asyncio.StreamReader, messages: int, found: list[float]) -> None:
    number = 0
    while number < messages:
        message = orjson.loads(await text_of(reader))
        assert message["number"] == number + 1, "a message is missing"
        number += 1
        found.append(time.monotonic() - message["sent_at"])


async def text_of(reader: asyncio.StreamReader) -> bytes:
    """The next text; pings are passed over."""
    while True:
        head, size = await reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        content = await reader.readexactly(size)
        if head & 15 == 1:
            return content


def resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def report(sockets: int, found: Mapping[str, Broadcast]) -> None:
    table = Table("what", "sockets", "p50 ms", "p99 ms", "slowest ms", "µs of processor a send", "kB a socket")
    for name, (seconds, processor, memory) in found.items():
        cuts = quantiles(seconds, n=100)
        times = [f"{1_000 * one:.1f}" for one in (cuts[49], cuts[98], max(seconds))]
        table.add_row(name, str(sockets), *times, f"{processor / len(seconds) * 1e6:.0f}", f"{memory / 1_000:.1f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

"""A node of a tiny product with live channels: one table of messages, one of the connections that are open on record.

Clients join a channel with `?channel=…&client=…`, say something with `{"type": "say", "text": …}`, and are named by a
key in the query.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, cast
from uuid import UUID

import orjson
import psycopg
import uvicorn
from fastapi import APIRouter
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.app import Edge
from api.auth import Caller, unauthorized
from api.errors import ErrorFormat
from api.protocol import Bounds, protocol_within
from api.routing import Json, LeanApp, LeanRoute
from api.socket_protocol import BoundedSocketProtocol, socket_options
from api.streaming.event_stream import EventStream, channel_events
from api.streaming.hub import ChannelRow, Ending, Hub, QueueBounds, as_json, sequence_of
from api.streaming.presence import Connection, Presence, PresenceTimes
from api.streaming.sockets import Opening, SocketError, SocketMessage, Sockets
from api.surface import Surface, app_of
from streams.core.commits import Commits
from streams.postgres.reads import Reads
from tests.api.product import OPTIONS, PATIENCE_SECONDS
from tests.imitations import listener

KEY = "a-key-in-a-query"
TABLES = """
    create table messages (channel text, sequence bigint, type text, payload jsonb, primary key (channel, sequence));
    create table connections (id uuid primary key, node uuid, client text, closes int not null default 0);
"""
AFTER = """
    select channel, sequence, type, payload
      from messages join unnest(%s::text[], %s::bigint[]) as asked (channel, cursor) using (channel)
     where sequence > cursor order by channel, sequence limit %s
"""
HEAD = "select coalesce(max(sequence), 0) from messages where channel = %s"
ADD = "insert into messages select %s, coalesce(max(sequence), 0) + 1, %s, %s from messages where channel = %s"
CLOSE = "update connections set closes = closes + 1 where {} = %s and closes = 0"
HANDSHAKE = (
    "Host: a",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)
QUICK = PresenceTimes(renewal=0.3, missed=2.0, grace=0.05, swept=0.5, retry=0.05)
STEADY = QUICK._replace(missed=600.0)
"""Presence times of tests: soon; STEADY on a machine that may stand still for a while."""


async def until(condition: Callable[[], Awaitable[bool]], complaint: str) -> None:
    """Wait until the condition holds."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, complaint
        await asyncio.sleep(0.01)


class Conversation:
    """What the tiny product says on one connection."""

    def __init__(self, node: Node, websocket: WebSocket, caller: Caller | None) -> None:
        self._node = node
        self._query = websocket.query_params
        self._caller = caller
        self._connection: Connection | None = None
        self._channel = ""

    async def open(self) -> Opening:
        node, client = self._node, self._query.get("client", "someone")
        self._channel = self._query.get("channel", "")
        if not self._channel:
            raise SocketError("validation_error", "channel is missing")
        if self._channel == "bug":
            raise RuntimeError("a bug")
        self._connection = connection = node.presence.connect(client)
        async with node.reads.connection() as database:
            await database.execute(
                "insert into connections (id, node, client) values (%s, %s, %s) on conflict do nothing", connection[:3]
            )
        if "silent" not in self._query:
            await node.say(self._channel, "joined", name=client)
        who = "nobody" if self._caller is None else self._caller.subject
        return Opening(self._channel, await node.head(self._channel), SocketMessage("welcome", {"you": who}))

    async def receive(self, message: Mapping[str, object]) -> SocketMessage | None:
        self._node.handled.append(message)
        match message["type"]:
            case "heartbeat":
                return None
            case "say":
                await self._node.say(self._channel, "said", text=message.get("text"))
                return SocketMessage("ack", {"id": message.get("id")})
            case "wait":
                await self._node.open.wait()
                return SocketMessage("waited", {})
            case "bug":
                raise RuntimeError("a bug")
            case "away":
                raise psycopg.OperationalError("no database")
            case "leave":
                raise SocketError("left", "Good bye", close=1000)
        raise SocketError("unknown_type", "Unknown type", {"type": "is not known"})

    async def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._node.presence.disconnect(connection, lambda: self._node.execute(CLOSE.format("id"), connection.id))


class Node:
    """The parts of one node over the database; `wakes` are the commits of all nodes in this process."""

    server: uvicorn.Server
    serving: asyncio.Task[None]

    def __init__(self, dsn: str, times: PresenceTimes, alone: bool, idle_seconds: float, bounds: QueueBounds) -> None:
        self.reads = Reads(dsn)
        self.commits = Commits()
        self.wakes = [self.commits]
        self.hub = Hub(self.commits, self.rows, encoded, bounds)
        self.sockets = Sockets(self.hub, authenticate, idle_seconds=idle_seconds)
        self.presence = Presence("tiny", self.reads, self.close_connections, self.sockets.end, alone=alone, times=times)
        self.open = asyncio.Event()
        self.handled: list[Mapping[str, object]] = []
        self.url = ""
        self.port = 0
        self.protocol = BoundedSocketProtocol

    async def rows(self, after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        rows = await self.ask(AFTER, list(after), list(after.values()), most)
        return [ChannelRow(*row) for row in rows]

    async def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.reads.connection() as connection:
            return await (await connection.execute(sql.encode(), values)).fetchall()

    async def execute(self, sql: str, *values: object) -> None:
        async with self.reads.connection() as connection:
            await connection.execute(sql.encode(), values)

    async def head(self, channel: str) -> int:
        return int((await self.ask(HEAD, channel))[0][0])

    async def say(self, channel: str, type_: str, **payload: object) -> None:
        """Commits a message, and announces it."""
        async with self.reads.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (channel,))
            await connection.execute(ADD, (channel, type_, Jsonb(payload), channel))
        for commits in self.wakes:
            commits.announce()

    async def close_connections(self, node: UUID) -> None:
        await self.execute(CLOSE.format("node"), node)

    async def present(self) -> list[str]:
        """The clients with an open connection on record."""
        return sorted(row[0] for row in await self.ask("select client from connections where closes = 0"))

    def app(self) -> LeanApp:
        router = APIRouter(route_class=LeanRoute)

        async def live(websocket: WebSocket) -> None:
            await self.sockets.serve(websocket, lambda socket, caller: Conversation(self, socket, caller))

        router.add_api_websocket_route("/ws", live)

        @router.get("/plain")
        async def plain() -> Response:
            return Json(b"{}")

        @router.get("/events/{channel}", response_class=Response)
        async def events(channel: str, request: Request) -> Response:
            last = request.headers.get("last-event-id")
            after = None if last is None else sequence_of(channel, last)
            return EventStream(channel_events(self.hub, channel, await self.head(channel) if after is None else after))

        nothing = cast(Any, None)
        errors = ErrorFormat(lambda _request, error: Json(orjson.dumps(str(error)), error.status), {})
        surface = Surface("live", nothing, self.reads, nothing, nothing, errors, frozenset())
        return LeanApp(app_of(surface, "Live", "1", "Live.", (router,)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.reads.open()
        await self.presence.start()
        try:
            yield
        finally:
            await self.presence.close()
            await self.hub.close()
            await self.reads.close()

    def edge(self) -> Edge:
        async def ready() -> dict[str, object]:
            return {"ready": True}

        async def measured() -> None:
            """Nothing is measured."""

        return Edge({"live": self.app()}, self.running, ready, measured)

    def open_sockets(self) -> set[BoundedSocketProtocol]:
        """The connections of the server."""
        return self.protocol.open_sockets

    async def stop(self) -> None:
        """Stops the server as a signal would, and returns when it has ended."""
        self.server.should_exit = True
        await self.serving

    async def deaf_client(self, channel: str) -> socket.socket:
        """A client that has joined a channel, and then reads nothing."""
        loop = asyncio.get_running_loop()
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.setblocking(False)
        await loop.sock_connect(made, ("127.0.0.1", self.port))
        lines = [f"GET /live/ws?channel={channel}&client=deaf HTTP/1.1", *HANDSHAKE, "", ""]
        await loop.sock_sendall(made, "\r\n".join(lines).encode())
        answer = b""
        while b"welcome" not in answer:
            answer += await loop.sock_recv(made, 1_000)
        return made

    @asynccontextmanager
    async def client(self, channel: str = "one", **query: str) -> AsyncIterator[Client]:
        """A client that has joined."""
        parameters = "&".join(f"{name}={value}" for name, value in {"channel": channel, **query}.items())
        async with joined(f"{self.url}/live/ws?{parameters}") as client:
            yield client


def encoded(row: ChannelRow) -> str | Ending:
    if row.type == "unreadable":
        raise ValueError("a bug")
    return Ending(1000, "over") if row.type == "over" else as_json(row)


async def authenticate(websocket: WebSocket) -> Caller | None:
    key = websocket.query_params.get("api_key")
    if key not in (None, KEY):
        raise unauthorized("Invalid or missing API key")
    return None if key is None else Caller("holder", frozenset())


class Client:
    """A client that reads JSON messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.received: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: dict[str, Any] = orjson.loads(await self.connection.recv())
        self.received.append(message)
        return message

    async def texts(self, until_text: object) -> list[object]:
        """The texts that were said, up to this one; other messages are skipped."""
        texts: list[object] = []
        while not texts or texts[-1] != until_text:
            message = await self.next()
            if message["type"] == "said":
                texts.append(message["text"])
        return texts

    async def send(self, **message: object) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and reason with which the server has closed; what came before is in `received`."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.connection.close_code, self.connection.close_reason

    @property
    def position(self) -> str:
        """The position of the last message, or of the welcome."""
        return next(str(message["position"]) for message in reversed(self.received) if "position" in message)


@asynccontextmanager
async def joined(address: str) -> AsyncIterator[Client]:
    """A client of an address. It takes in whatever comes, read or not, as a browser does."""
    async with connect(address, max_queue=None, open_timeout=PATIENCE_SECONDS, proxy=None) as connection:
        yield Client(connection)


@asynccontextmanager
async def served(
    dsn: str,
    *others: Node,
    times: PresenceTimes = STEADY,
    alone: bool = False,
    idle_seconds: float = 60.0,
    bounds: QueueBounds | None = None,
    sockets: int = 10_000,
) -> AsyncIterator[Node]:
    """A node that is served in this process; it and the others wake each other."""
    node = Node(dsn, times, alone, idle_seconds, bounds or QueueBounds())
    for other in others:
        other.wakes.append(node.commits)
        node.wakes.append(other.commits)
    at, options = listener(), socket_options()
    config = uvicorn.Config(node.edge(), **{**OPTIONS, "http": protocol_within(Bounds(sockets=sockets)), **options})
    node.server = uvicorn.Server(config)
    node.server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    node.serving = asyncio.create_task(node.server.serve(sockets=[at]))
    node.port = int(at.getsockname()[1])
    node.url, node.protocol = f"ws://127.0.0.1:{node.port}", cast(type[BoundedSocketProtocol], options["ws"])

    async def has_started() -> bool:
        return node.server.started

    await until(has_started, "the server did not start")
    try:
        yield node
    finally:
        await node.stop()
        at.close()


def prepare(dsn: str) -> str:
    """Makes the tables of the tiny product."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return dsn


def serve(dsn: str, at: socket.socket) -> None:
    """What a node does that is a process of its own, until it is killed."""
    os.environ.clear()

    async def run() -> None:
        node = Node(dsn, QUICK, False, 60.0, QueueBounds())
        await uvicorn.Server(uvicorn.Config(node.edge(), **OPTIONS)).serve(sockets=[at])

    asyncio.run(run())

"""Shared HTTP server of the imitated language models: hand-written HTTP on loopback, so it can fail at any byte.

An `Act` scripts the next answer, in process (`server.script(...)`) or from another process: POST a JSON list of acts to
`/_script`; GET `/_requests` lists the received requests. Without a script every request succeeds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Act:
    """How to treat one request. The numbers `..._after` count pieces of text; None is never.

    `hold_after` waits for `server.release()` or for the client to leave; `hang` accepts the request and says nothing;
    `frame_bytes` cuts the body into frames of that many bytes; `insert` are raw pieces of body put before the end.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    pieces: Sequence[str] = ("Neural networks", " are layered", " functions.")
    stop_reason: str = "end_turn"
    explanation: str | None = None
    input_tokens: int = 15
    output_tokens: int = 150
    seconds_between: float = 0.0
    hang: bool = False
    hold_after: int | None = None
    break_after: int | None = None
    error_after: int | None = None
    error_type: str = "overloaded_error"
    end_after: int | None = None
    frame_bytes: int | None = None
    insert: Sequence[str] = ()


@dataclass
class Received:
    """A request as it came. `gone` is set once its client has left."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Broken(Exception):
    """The script says to cut the connection here."""


@dataclass(frozen=True)
class Refusal:
    """An answer to a request the real service would not take."""

    status: int
    body: Any


class LlmServer(ABC):
    """One imitated service, listening while its `async with` block is open."""

    content_type: str

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self._port = port
        self._acts: deque[Act] = deque()
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def refuse(self, request: Received) -> Refusal | None:
        """What the real service would say against this request, if anything."""

    @abstractmethod
    def whole(self, request: Received, act: Act) -> Any:
        """The answer as one JSON document."""

    @abstractmethod
    def streamed(self, request: Received, act: Act) -> AsyncIterator[str]:
        """The answer in pieces of body; goes through `pause` before each piece of text. Raises Broken."""

    def script(self, *acts: Act) -> None:
        self._acts.extend(acts)

    def release(self) -> None:
        self._released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def forever(self) -> None:
        await self._server.serve_forever()

    async def pause(self, done: int, request: Received, act: Act) -> None:
        """What the script wants before piece number `done` (from 0)."""
        await asyncio.sleep(act.seconds_between)
        if act.break_after == done:
            raise Broken
        if act.hold_after == done:
            await _first_of(self._released.wait(), request.gone.wait())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._exchange(reader, writer)
        except (Broken, ConnectionError):
            writer.transport.abort()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read(reader)
        if request is None:
            return
        if request.path.startswith("/_"):
            await _send(writer, 200, {}, self._steered(request))
            return
        self.received.append(request)
        act = self._acts.popleft() if self._acts else Act()
        async with _watched(reader, request):
            await self._perform(request, act, writer)

    def _steered(self, request: Received) -> Any:
        if request.path == "/_script":
            self.script(*(Act(**act) for act in request.json))
        return [{"path": r.path, "headers": r.headers, "json": r.json} for r in self.received]

    async def _perform(self, request: Received, act: Act, writer: asyncio.StreamWriter) -> None:
        if act.hang:
            await _first_of(self._released.wait(), request.gone.wait())
            raise Broken
        refusal = self.refuse(request)
        if act.status != 200:
            await _send(writer, act.status, act.headers, act.body)
        elif refusal is not None:
            await _send(writer, refusal.status, {}, refusal.body)
        elif self.streams(request):
            await self._stream(request, act, writer)
        else:
            await _send(writer, 200, act.headers, self.whole(request, act))

    streams_unasked = False

    def streams(self, request: Received) -> bool:
        """Whether the answer comes in pieces."""
        return bool(request.json.get("stream", type(self).streams_unasked))

    async def _stream(self, request: Received, act: Act, writer: asyncio.StreamWriter) -> None:
        headers = {"content-type": self.content_type, "transfer-encoding": "chunked", **act.headers}
        writer.write(_head(200, headers))
        async for piece in self.streamed(request, act):
            body = piece.encode()
            size = act.frame_bytes or len(body)
            for start in range(0, len(body), size):
                frame = body[start : start + size]
                writer.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _first_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


@asynccontextmanager
async def _watched(reader: asyncio.StreamReader, request: Received) -> AsyncIterator[None]:
    async def watch() -> None:
        with suppress(ConnectionError):
            await reader.read(1)
        request.gone.set()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Scripted",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _send(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: Any) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    head = {"content-type": "application/json", **headers, "content-length": str(len(content))}
    writer.write(_head(status, head) + content)
    await writer.drain()


def serve(kind: type[LlmServer]) -> None:
    """Runs one imitation until it is stopped, and prints where it listens."""
    parser = argparse.ArgumentParser(description=kind.__doc__)
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port

    async def run() -> None:
        async with kind(port) as server:
            print(server.url, flush=True)
            await server.forever()

    asyncio.run(run())


def acts(*scripted: Act) -> str:
    """The same script as JSON, for `/_script`."""
    return json.dumps([asdict(act) for act in scripted])

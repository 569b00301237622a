"""API nodes that are processes of their own, over the database of a product and its writer, without a broker.

A node is that of the distributed runtime, but for its gateway: a relay that hands commands to the writer.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import uvicorn
from fastapi import FastAPI

import bootstrap
import settings
from api.content_generator.dependencies import Dependencies
from api.routing import LeanApp
from api.streaming.presence import PresenceTimes
from api.surface import Surface
from installation_secrets import master_key
from streams.core.clock import SystemClock
from streams.core.commits import Commits
from streams.core.envelope import Envelope, Outcome
from streams.core.gateway import Pending, Unavailable
from streams.kafka.gateway import KafkaGateway
from streams.kafka.node import ApiNode
from streams.kafka.settings import Cluster, Role
from tests.api.content_generator.live_product import SURFACE, Live
from tests.api.process import FORKING
from tests.api.product import OPTIONS, PATIENCE_SECONDS, variables_of
from tests.api.streaming.node import QUICK
from tests.imitations import listener

NOWHERE = "127.0.0.1:9"
SIZE = struct.Struct("!I")
COMMIT = "commit"
TIMES = QUICK._replace(renewal=1.0, missed=4.0)
"""Soon enough for a test, late enough for a machine that is busy."""


class Writer(Live):
    """A product whose writer decides the nodes' commands."""

    def _ready(self) -> None:
        super()._ready()
        self.presence._times = TIMES

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[Path]:
        """The address at which relays find the writer."""
        path = self.data / "writer"
        serving = asyncio.run_coroutine_threadsafe(asyncio.start_unix_server(self._serve, path), self.loop)
        server = await asyncio.wrap_future(serving)
        try:
            yield path
        finally:
            self.loop.call_soon_threadsafe(server.close)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a relay, and announce every commit to it."""
        answering = set()
        lost = suppress(OSError, asyncio.IncompleteReadError)
        with lost, self.runtime.commits.listening(lambda: send(writer, COMMIT)):
            while True:
                task = asyncio.create_task(self._answer(writer, *await receive(reader)))
                answering.add(task)
                task.add_done_callback(answering.discard)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, number: int, envelope: Envelope) -> None:
        try:
            send(writer, (number, await self.runtime.gateway.submit(envelope, PATIENCE_SECONDS)))
        except Unavailable:
            send(writer, (number, None))


def send(writer: asyncio.StreamWriter, message: object) -> None:
    """Send a message of any kind; nothing happens where the other side was killed."""
    content = pickle.dumps(message)
    if not writer.is_closing():
        writer.write(SIZE.pack(len(content)) + content)


async def receive(reader: asyncio.StreamReader) -> Any:
    """The next message."""
    (size,) = SIZE.unpack(await reader.readexactly(SIZE.size))
    return pickle.loads(await reader.readexactly(size))


class Relay:
    """A gateway that hands commands to the writer of another process."""

    def __init__(self, path: Path) -> None:
        self.commits = Commits()
        self.waiting = 0
        self.connected = True
        self.on_failure: Callable[[BaseException], None] = lambda _: None
        self._path = path
        self._answers: dict[int, asyncio.Future[Outcome | None]] = {}
        self._number = 0

    async def start(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._reading = asyncio.create_task(self._read(reader))

    async def stop(self) -> None:
        self._reading.cancel()
        self._writer.close()

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        """See `Gateway.submit`."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        send(self._writer, (self._number, envelope))
        try:
            outcome: Outcome | None = await asyncio.wait_for(answer, timeout_seconds)
        except TimeoutError:
            raise Pending(envelope.command_id) from None
        if outcome is None:
            raise Unavailable("the writer stops", maybe_recorded=False)
        return outcome

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        """See `Gateway.outcome`; nothing on the live side asks for it."""
        raise NotImplementedError

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            message = await receive(reader)
            if message == COMMIT:
                self.commits.announce()
            else:
                number, answer = message
                waiting = self._answers.pop(number)
                if not waiting.done():
                    waiting.set_result(answer)


class NodeProcess:
    """A node in a process of its own."""

    def __init__(self, product: Writer, path: Path, times: PresenceTimes = TIMES) -> None:
        at = listener()
        self.port = int(at.getsockname()[1])
        self.sockets = f"ws://127.0.0.1:{self.port}/content-generator/ws/live-updates"
        variables = variables_of(product.dsn, product.data, self.port) | {"HEADWATER_KAFKA": NOWHERE}
        self._process = FORKING.Process(target=serve, args=(variables, path, at, times), daemon=True)
        self._process.start()
        at.close()

    def kill(self) -> None:
        """kill -9. Nothing happens if it has ended."""
        self._process.kill()
        self._process.join()


def serve(variables: Mapping[str, str], path: Path, at: socket.socket, times: PresenceTimes) -> None:
    """What the process of a node does, until it is killed."""
    os.environ.clear()
    os.environ.update(variables)
    own = settings.load()
    role = Role(Cluster(NOWHERE, "nowhere"), str(own.postgres), "api", master_key(own))
    node = ApiNode(role, bootstrap.CONTEXTS, SystemClock())
    relay = Relay(path)
    node.gateway, node.commits = cast(KafkaGateway, relay), relay.commits
    edge = bootstrap.distributed_edge(own, node)
    app = cast(LeanApp, edge._surfaces[SURFACE]).app
    assert isinstance(app, FastAPI)
    surface: Surface = app.state.surface
    cast(Dependencies, surface.own).live.presence._times = times
    asyncio.run(uvicorn.Server(uvicorn.Config(edge, **OPTIONS)).serve(sockets=[at]))

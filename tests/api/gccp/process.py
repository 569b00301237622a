"""The surface as a process of its own, to be killed and started again.

Processes are forked from a server that has imported everything once: starting one takes milliseconds, not seconds.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx2
import uvicorn

from api.app import Edge
from api.auth import Tokens
from api.counters import InProcess
from api.gccp import GccpSettings, app, desk_of, destinations, language_model
from connectors.webhook import WebhookSender
from domain.calls.completion import Completion
from domain.calls.webhook import DeliverWebhook
from domain.messages import Effect
from streams.core.calls import AnyConnector
from streams.core.clock import SystemClock
from streams.embedded.runtime import EmbeddedRuntime
from tests.api.gccp.service import CONTEXT, INSTALLATION, PARTITIONS, SECRET

START_SECONDS = 60
FORKING = get_context("forkserver")
FORKING.set_forkserver_preload([__name__])


class Process:
    """The surface over this database, on a free port; `settings` are environment variables that GccpSettings reads."""

    def __init__(self, database: str, log: Path, **settings: str) -> None:
        self._database = database
        self._log = log
        self._port = _free_port()
        self._settings = {"SUPABASE_JWT_SECRET": SECRET} | settings
        self._process: BaseProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers. Raises TimeoutError or RuntimeError."""
        self._process = FORKING.Process(target=serve, args=(self._database, self._port, self._settings, self._log))
        self._process.start()
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if not self._process.is_alive():
                raise RuntimeError(f"it ended with {self._process.exitcode}: {self._log.read_text()[-4000:]}")
            try:
                httpx2.get(f"{self.url}/health", timeout=5)
            except httpx2.HTTPError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError(self._log.read_text()[-4000:])

    def kill(self) -> None:
        """kill -9. Nothing happens if it has ended."""
        assert self._process is not None
        self._process.kill()
        self._process.join()

    def stop(self) -> int | None:
        """A graceful stop; gives the exit code, None if it takes too long."""
        os.kill(self.pid, signal.SIGTERM)
        assert self._process is not None
        self._process.join(60)
        return self._process.exitcode


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def serve(database: str, port: int, environment: dict[str, str], log: Path) -> None:
    """What the process does, until it is stopped."""
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    uvicorn.run(
        _edge(GccpSettings(), database),
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        lifespan="on",
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


def _edge(settings: GccpSettings, database: str) -> Edge:
    model = language_model(settings)
    sender = WebhookSender(destinations(settings), allow_private=True)
    connectors: dict[type[Effect], AnyConnector] = {Completion: model, DeliverWebhook: sender}
    runtime = EmbeddedRuntime(database, [CONTEXT], bytes(32), SystemClock(), connectors, PARTITIONS)
    desk = desk_of(settings, runtime, Tokens(INSTALLATION, "gccp"), model)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with runtime.run():
            yield
            await desk.close()
        await model.close()
        await sender.close()

    async def ready() -> dict[str, object]:
        return {"ready": True}

    async def measured() -> None:
        """Nothing is measured here."""

    return Edge({"gccp": app(runtime, InProcess(), desk)}, lifespan, ready, measured)

"""The product as a separate process, which tests kill and start again.

Processes are forked from a server that has imported everything once: starting one takes milliseconds, not seconds.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx2
import uvicorn

import bootstrap
import settings
from api.protocol import BoundedProtocol
from api.socket_protocol import socket_options
from tests.api.product import variables_of

START_SECONDS = 60
FORKING = get_context("forkserver")
FORKING.set_forkserver_preload([__name__, "tests.api.preload"])


class Process:
    """The product over this database, on a free port, with these environment variables; its data lie beside its log."""

    def __init__(self, database: str, log: Path, **variables: str) -> None:
        self._log = log
        self._port = _free_port()
        self._variables = variables_of(database, log.parent, self._port) | variables
        self._process: BaseProcess | None = None

    @staticmethod
    def serve(environment: dict[str, str], log: Path) -> None:
        """What the process does, until it is stopped."""
        serve(environment, log)

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
        self._process = FORKING.Process(target=self.serve, args=(self._variables, self._log))
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


def serve(environment: dict[str, str], log: Path) -> None:
    """What the process does, until it is stopped."""
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    own = settings.load()
    uvicorn.run(
        bootstrap.embedded_edge(own, lambda: None, lambda _: None),
        port=own.port,
        loop="uvloop",
        http=BoundedProtocol,
        **socket_options(),
        proxy_headers=False,
        access_log=False,
        lifespan="on",
        log_level="warning",
        timeout_graceful_shutdown=5,
    )

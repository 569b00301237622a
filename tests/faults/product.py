"""The product in its own process, started as an operator starts it, to be killed and restarted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from streams.core.keys import Keyring
from streams.postgres.objects import Objects
from streams.postgres.server import start_embedded

CLI = [sys.executable, "-m", "cli"]
START_SECONDS = 60


class Product:
    """`headwater up` on a data directory, a free port and these settings."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.port = _free_port()
        self.environment = (
            os.environ
            | settings
            | {
                "HEADWATER_DATA": str(data),
                "HEADWATER_PORT": str(self.port),
                "HEADWATER_LOG_LEVEL": "warning",
            }
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers; raises TimeoutError or RuntimeError."""
        with (self.data.parent / "product.log").open("ab") as log:
            self.process = subprocess.Popen([*CLI, "up"], env=self.environment, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the product ended with {self.process.returncode}: {self.log()}")
            try:
                if httpx2.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.02)
        raise TimeoutError(self.log())

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """A graceful stop; gives the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def run(self, *arguments: str) -> str:
        """What a `headwater` command prints."""
        done = subprocess.run([*CLI, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self, *limits: str) -> str:
        """A token with every scope."""
        raised = [part for limit in limits for part in ("--limit", limit)]
        return self.run("keys", "issue", "communication", *raised).strip()

    def objects(self) -> Objects:
        """The objects of the installation, whose database must run."""
        key = bytes.fromhex((self.data / "master.key").read_text())
        return Objects(start_embedded(self.data / "postgres"), Keyring(key))

    def log(self) -> str:
        return (self.data.parent / "product.log").read_text()[-4000:]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

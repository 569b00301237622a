"""Pulse of a process: the time of its main loop's last turn, and an HTTP endpoint that shows a frozen one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson
from prometheus_client import make_wsgi_app

STALE_SECONDS = 15.0
"""Silence of a main loop after which its process counts as frozen. A turn may wait ten seconds for a client's call."""

BEAT_SECONDS = 1.0


class Pulse:
    """Time of the last turn of a process's main loop. Safe in any thread."""

    def __init__(self) -> None:
        self._beaten_at = time.monotonic()

    def beat(self) -> None:
        """Note a turn."""
        self._beaten_at = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last turn."""
        return time.monotonic() - self._beaten_at

    @property
    def alive(self) -> bool:
        return self.silence < STALE_SECONDS

    async def beat_in_loop(self) -> None:
        """Beat for as long as the event loop turns."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_SECONDS)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged."""


def serve_pulse(host: str, port: int, role: str, pulse: Pulse) -> None:
    """Serve `/health` (503 for a main loop that stands still) and `/metrics` in a thread; raises OSError."""
    metrics: WSGIApplication = make_wsgi_app()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            return metrics(environ, start_response)
        alive = pulse.alive
        start_response("200 OK" if alive else "503 Service Unavailable", [("Content-Type", "application/json")])
        status = "healthy" if alive else "frozen"
        return [orjson.dumps({"status": status, "role": role, "seconds_since_turn": round(pulse.silence, 1)})]

    server = make_server(host, port, app, _Server, _Silent)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()

"""The HTTP server of `headwater up` (all roles in one process) and of an API node."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from types import FrameType

import psycopg
import uvicorn
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import bootstrap
from api.app import Edge
from api.protocol import Bounds, protocol_within
from api.socket_protocol import socket_options
from commandline import Stop
from commandline.first_requests import screen
from commandline.setting_errors import check_settings
from settings import Settings
from streams.kafka.denials import Denied
from streams.postgres.accounts import NotStarted
from streams.postgres.catch_up import Overtaken, RebuildFailed
from streams.postgres.catch_up import Progress as Report
from streams.postgres.installation import InUse, WrongInstallation
from streams.postgres.server import NotDurable
from streams.telemetry.garbage import spare_what_lives
from streams.telemetry.logs import set_up_logging

REASONS = (
    InUse,
    WrongInstallation,
    NotDurable,
    NotStarted,
    RebuildFailed,
    Overtaken,
    psycopg.OperationalError,
    OSError,
    Denied,
    KafkaException,
)
GRACE_SECONDS = 20
BACKLOG = 2048
SPARE_FILES = 100
"""Files that the process needs beside its clients' connections: to the database, to Kafka, the outbox."""

log = logging.getLogger(__name__)
console = Console(highlight=False, soft_wrap=True)


def serve(settings: Settings) -> None:
    """Serve until a signal arrives, then finish accepted requests. Raises Stop with the reason of a failure."""
    signal.signal(signal.SIGTERM, _leave)  # from the first moment on: a start may have a database to stop again
    set_up_logging(settings.log_level)
    check_settings(settings)
    listening = listeners(settings)  # first: nothing begins, and nothing is shown, before the port is ours
    serve_edge(settings, _edge(settings), listening)


def serve_edge(settings: Settings, edge: Edge, listening: Sequence[socket.socket]) -> None:
    """Serve an edge until a signal arrives or its runtime fails; raises Stop with the reason."""
    _warn_of_open_internals(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            edge,
            loop="uvloop",
            http=protocol_within(_bounds(settings)),
            **socket_options(),
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
        )
    )
    spare_what_lives()
    edge.on_failure = lambda: setattr(server, "should_exit", True)
    signal.signal(signal.SIGTERM, _leave)
    with suppress(SystemExit):  # uvicorn exits by it after a failed start; the reason is in `edge.failure`
        server.run(list(listening))
    if isinstance(edge.failure, REASONS):
        raise Stop(str(edge.failure))
    if edge.failure is not None:
        raise edge.failure


def listeners(settings: Settings) -> list[socket.socket]:
    """The sockets of the surfaces and of the internals; raises Stop for a port that is taken.

    Clients that connect from now on wait until the process serves.
    """
    if settings.internal_port == settings.port:
        raise Stop("HEADWATER_INTERNAL_PORT must be another port than HEADWATER_PORT")
    names = {settings.port: "HEADWATER_PORT or --port"}
    if settings.internal_port is not None:
        names[settings.internal_port] = "HEADWATER_INTERNAL_PORT"
    return [one for port, name in names.items() for one in _listening(settings.host, port, name)]


def _listening(host: str, port: int, name: str) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = sorted({(family, address[:2]) for family, _, _, _, address in found})
        return [socket.create_server(address, family=family, backlog=BACKLOG) for family, address in addresses]
    except (OSError, OverflowError) as error:
        raise Stop(f"could not listen on {host}:{port}: is the port taken? Another is {name} ({error})") from None


def _bounds(settings: Settings) -> Bounds:
    """Below the number of files that this process may open, some are left for the database and the log.

    Where it may not open enough, connections of HTTP have at least half of the others.
    """
    wanted = settings.connections + settings.sockets
    files = min(_open_files(wanted + SPARE_FILES) - SPARE_FILES, wanted)
    connections = min(settings.connections, max(files // 2, files - settings.sockets))
    return Bounds(
        connections=max(connections, 1),
        sockets=max(files - connections, 1),
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
    )


def _open_files(wanted: int) -> int:
    """The number of files that this process may open: the wanted one, or the most that it may allow itself."""
    allowed, most = getrlimit(RLIMIT_NOFILE)
    if allowed == RLIM_INFINITY or allowed >= wanted:
        return wanted
    raised = wanted if most == RLIM_INFINITY else min(wanted, most)
    with suppress(OSError, ValueError):
        setrlimit(RLIMIT_NOFILE, (raised, most))
        return raised
    return allowed


def _warn_of_open_internals(settings: Settings) -> None:
    guarded = settings.internal_port is not None or settings.internal_token is not None
    if not guarded and settings.host not in ("127.0.0.1", "::1", "localhost"):
        log.warning(
            "/ready, /metrics and /live answer everybody who reaches %s:%d: HEADWATER_INTERNAL_PORT or"
            " HEADWATER_INTERNAL_TOKEN guards them",
            settings.host,
            settings.port,
        )


def _leave(_number: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal that stopped it again; to die of it would leave the embedded server running."""
    raise SystemExit(0)


def _edge(settings: Settings) -> Edge:
    try:
        return bootstrap.embedded_edge(settings, lambda: _welcome(settings), _building())
    except REASONS as reason:
        raise Stop(f"the database could not be started: {reason}") from reason


def _building() -> Report:
    """The progress of read models built at start, shown from the first projected record on."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("building read models", total=None)

    def report(records: int) -> None:
        with _shown(bar):
            bar.update(task, advance=records)

    return report


@contextmanager
def _shown(bar: Progress) -> Iterator[None]:
    bar.start()
    try:
        yield
    finally:
        bar.refresh()
        bar.stop()


def _welcome(settings: Settings) -> None:
    console.print(screen(settings, bootstrap.SURFACES), markup=False)

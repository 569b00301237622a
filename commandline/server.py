"""The HTTP server of `headwater up` (all roles in one process) and of an API node."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import FrameType

import psycopg
import uvicorn
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import bootstrap
from api.app import Edge
from commandline import Stop
from commandline.setting_errors import check_settings
from commandline.tokens import Wanted, issue_token
from settings import Settings
from streams.kafka.denials import Denied
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
    RebuildFailed,
    Overtaken,
    psycopg.OperationalError,
    OSError,
    Denied,
    KafkaException,
)
GRACE_SECONDS = 20
NEWCOMER = timedelta(days=1)
"""The lifetime of the tokens that a start shows on a terminal."""

console = Console(highlight=False, soft_wrap=True)


def serve(settings: Settings) -> None:
    """Serve until a signal arrives, then finish accepted requests. Raises Stop with the reason of a failure."""
    set_up_logging(settings.log_level)
    check_settings(settings)
    serve_edge(settings, _edge(settings))


def serve_edge(settings: Settings, edge: Edge) -> None:
    """Serve an edge until a signal arrives or its runtime fails; raises Stop with the reason."""
    server = uvicorn.Server(
        uvicorn.Config(
            edge,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
    )
    spare_what_lives()
    edge.on_failure = lambda: setattr(server, "should_exit", True)
    signal.signal(signal.SIGTERM, _leave)
    with suppress(SystemExit):  # uvicorn exits by it after a failed start; the reason is in `edge.failure`
        server.run()
    if isinstance(edge.failure, REASONS):
        raise Stop(str(edge.failure))
    if edge.failure is not None:
        raise edge.failure
    if not server.started:
        raise Stop(f"could not listen on {settings.host}:{settings.port}: is the port taken? (HEADWATER_PORT)")


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
    """Tokens are shown on a terminal only: whatever else the output goes to is kept, and read by others."""
    base = settings.own_address
    console.print(f"\n[bold]Headwater[/bold] serves at {base} (data in {settings.data})")
    console.print(f"health {base}/health · ready {base}/ready · metrics {base}/metrics")
    for surface, product in bootstrap.SURFACES.items():
        console.print(f"\n[bold]{surface}[/bold]: documentation at {base}/{surface}/docs")
        if console.is_terminal:
            token = issue_token(settings, surface, Wanted(subject="newcomer", lifetime=NEWCOMER)).text
            console.print(product.first_request.format(base=base, token=token), markup=False)
        else:
            console.print(f"a token: headwater keys issue {surface}")
    console.print("\nStop with Ctrl-C; everything taken in is finished first.\n")

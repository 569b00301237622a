"""Sends over HTTP, end to end and durable, beside a hand-written CRUD app and an endpoint that stores nothing.

    python -m bench.http [--seconds 8] [--rounds 3]

Every round runs all of them one after the other at 1, 16 and 64 connections, on one PostgreSQL server; the figures
are medians over the rounds. A send asks for a message due tomorrow: it is recorded, projected and readable when it is
answered, as the CRUD app's rows are.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import jwt
import orjson
import psycopg
from rich.console import Console
from rich.table import Table

from bench.crud import SECRET
from bench.databases import Server, new_server
from bench.load import Load, each, post, run

CONNECTIONS = (1, 16, 64)
USERS = 1_000
Request = Callable[[int], bytes]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with new_server() as server:
        measure(server, given.seconds, given.rounds)


def measure(server: Server, seconds: float, rounds: int) -> None:
    directory, crud, product = server.directory, server.database("crud"), server.database("headwater")
    with serving(CRUD, {"BENCH_DSN": crud}) as crud_port, serving(UP, _product(directory, product)) as port:
        token = _tokens(directory, product)
        prepare(port, token["all"])
        targets: dict[str, tuple[int, Request]] = {
            "bare endpoint": (crud_port, requests("/bare", _crud_token())),
            "CRUD app": (crud_port, requests("/crud", _crud_token())),
            "Headwater": (port, requests("/communication/api/communication/send", token["all"])),
        }
        found = {name: {n: [] for n in CONNECTIONS} for name in targets}  # type: dict[str, dict[int, list[Load]]]
        for _ in range(rounds):
            for n in CONNECTIONS:
                for name, (target, request) in targets.items():
                    found[name][n].append(asyncio.run(run("127.0.0.1", target, request, n, seconds)))
    report(found)
    Console().print(f"raw COPY of three rows a message, batches of 64: {raw_copy(crud):,.0f} messages/s")


CRUD = [
    sys.executable,
    "-m",
    "uvicorn",
    "bench.crud:app",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--no-access-log",
    "--log-level",
    "warning",
    "--port",
]
UP = [sys.executable, "-m", "cli", "up", "--port"]


def _product(directory: Path, dsn: str) -> dict[str, str]:
    return {"HEADWATER_DATA": str(directory / "data"), "HEADWATER_POSTGRES": dsn, "HEADWATER_LOG_LEVEL": "warning"}


def _tokens(directory: Path, dsn: str) -> dict[str, str]:
    limits = [
        part for class_ in ("communication_sending", "general") for part in ("--limit", f"{class_}=100000000/min")
    ]
    issue = [sys.executable, "-m", "cli", "keys", "issue", "communication", "--subject", "bench", *limits]
    environment = os.environ | _product(directory, dsn)
    return {"all": subprocess.run(issue, env=environment, check=True, capture_output=True, text=True).stdout.strip()}


def _crud_token() -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)
    return jwt.encode({"sub": "bench", "scope": "communication:send", "exp": expires}, SECRET, "HS256")


def requests(path: str, token: str) -> Request:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    def request(n: int) -> bytes:
        body = {
            "user_id": n % USERS + 1,
            "trigger_type": "monthly_report",
            "channel": "email",
            "priority": "critical",
            "scheduled_time": tomorrow,
            "data": {"amount": 100.5, "account": "checking", "n": n},
        }
        return post(path, token, orjson.dumps(body))

    return request


def prepare(port: int, token: str) -> None:
    """Record every recipient's consent to e-mail, so that sends are accepted."""

    def consent(user: int) -> bytes:
        body = {"user_id": user, "email": f"user{user}@example.com", "consent_source": "api"}
        return post("/communication/api/communication/consent/email", token, orjson.dumps(body))

    asyncio.run(each("127.0.0.1", port, [consent(user) for user in range(1, USERS + 1)]))


@contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([*command, str(port)], env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not start")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def raw_copy(dsn: str, batches: int = 300, size: int = 64) -> float:
    """Messages a second when three rows each are copied in, one durable transaction per batch."""
    line = "now() at 64 a batch"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "create table if not exists copied (a uuid default gen_random_uuid(), b text, c timestamptz)"
        )
        began = time.perf_counter()
        for _ in range(batches):
            with connection.transaction(), connection.cursor().copy("copy copied (b, c) from stdin") as copy:
                for _ in range(3 * size):
                    copy.write_row((line, datetime.now(UTC)))
        return batches * size / (time.perf_counter() - began)


def report(found: dict[str, dict[int, list[Load]]]) -> None:
    table = Table("connections", "what", "requests/s", "× CRUD", "p50 ms", "p99 ms", "p99 × CRUD", "errors")
    for n in CONNECTIONS:
        base = _middle(found["CRUD app"][n])
        for name, loads in found.items():
            load = _middle(loads[n])
            table.add_row(str(n), name, *_cells(load, base))
    Console(width=120).print(table)


def _cells(load: Load, base: Load) -> list[str]:
    rates = [f"{load.per_second:,.0f}", f"{load.per_second / base.per_second:.2f}"]
    return [*rates, f"{load.p50:.1f}", f"{load.p99:.1f}", f"{load.p99 / base.p99:.2f}", str(load.errors)]


def _middle(loads: list[Load]) -> Load:
    return Load(
        loads[0].connections,
        median(x.per_second for x in loads),
        median(x.p50 for x in loads),
        median(x.p99 for x in loads),
        sum(x.errors for x in loads),
    )


if __name__ == "__main__":
    main()

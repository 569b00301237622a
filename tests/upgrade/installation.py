"""An installation as its operator sees it: the `headwater` command, HTTP, and PostgreSQL's tables; nothing within.

What these fixtures stand on must outlive every restructuring, so nothing of the program is imported here by its place
in the tree: the command is found by its entry point.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx2
import psycopg

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02


class Said(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


def free_port() -> int:
    """A port outside the ranges of brokers and clients, so that a restart finds it free."""
    while True:
        port = random.randrange(12_000, 18_000)
        with socket.socket() as candidate:
            if candidate.connect_ex(("127.0.0.1", port)) != 0:
                return port


@dataclass
class Installation:
    """A data directory, the settings its processes get, and the processes that run."""

    data: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        """Where PostgreSQL listens: the one that is set, or the embedded one while it runs."""
        if given := self.settings.get("HEADWATER_POSTGRES"):
            return given
        lines = (self.data / "postgres" / "postmaster.pid").read_text().splitlines()
        return f"host={lines[4]} port={lines[3]} user=headwater dbname=postgres"

    @property
    def environment(self) -> dict[str, str]:
        own = {"HEADWATER_DATA": str(self.data), "HEADWATER_PORT": str(self.port), "HEADWATER_LOG_LEVEL": "warning"}
        return {**os.environ, **own, **self.settings}

    def start(self, *role: str, release: Path | None = None) -> None:
        """Starts a process, `headwater up` or a role, whose output goes into a file beside the data.

        `release` is where the source of another release lies.
        """
        given = self.environment | ({} if release is None else {"PYTHONPATH": str(release)})
        with self.log(role[0]).open("ab") as output:
            command = [str(Path(sys.executable).with_name("headwater")), *role]
            self.running[role[0]] = subprocess.Popen(command, env=given, stdout=output, stderr=output)

    def log(self, role: str) -> Path:
        return self.data.parent / f"{role}.txt"

    def await_ready(self, role: str) -> dict[str, Any]:
        """Returns what `/ready` says once this role serves requests."""
        process = self.running[role]

        def ready() -> bool:
            assert process.poll() is None, self.log(role).read_text()[-4000:]
            with suppress(httpx2.HTTPError):
                return httpx2.get(f"{self.url}/ready", timeout=5).status_code == 200
            return False

        wait(ready, f"{role} does not become ready")
        found: dict[str, Any] = httpx2.get(f"{self.url}/ready", timeout=60).json()
        return found

    def stop(self, *roles: str) -> None:
        """Ends processes in order, all of them unless some are named; raises where one does not end well."""
        for role in roles or tuple(self.running):
            process = self.running.pop(role)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0, self.log(role).read_text()[-4000:]

    def says(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        code, out, err = self.run(*arguments)
        assert code == 0, f"{' '.join(arguments)}: {code} {out} {err}"
        return out

    def run(self, *arguments: str) -> Said:
        """A `headwater` command to its end, in this process: importing everything takes longer than most commands."""
        (command,) = entry_points(group="console_scripts", name="headwater")
        out, err = io.StringIO(), io.StringIO()
        given = self.environment if "HEADWATER_POSTGRES" in self.settings else self._beside()
        code: object = 0
        argv = patch.object(sys, "argv", ["headwater", *arguments])
        with patch.dict(os.environ, given), argv, redirect_stdout(out), redirect_stderr(err):
            try:
                command.load()()
            except SystemExit as ended:
                code = ended.code
        return Said(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    def _beside(self) -> dict[str, str]:
        """A running embedded server is used by its address: it is not this process's to stop."""
        return self.environment | {"HEADWATER_POSTGRES": self.dsn}

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def write(self, sql: str, *values: object) -> None:
        """A statement that gives no rows."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.encode(), values)

    def administer(self, sql: str) -> None:
        """A statement of the embedded server's superuser."""
        with psycopg.connect(self.dsn, user="postgres", autocommit=True) as connection:
            connection.execute(sql.encode())

    @contextmanager
    def client(self) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS) as client:
            yield client


def wait(condition: Callable[[], bool], complaint: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Returns once the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, complaint
        time.sleep(LOOK_SECONDS)


HEADS = "select context, partition, sequence, encode(hash, 'hex') from headwater.partitions order by 1, 2"
VIEWS = "select viewname from pg_views where schemaname = 'read_models' order by 1"
COLUMNS = """
    select column_name from information_schema.columns where table_schema = 'read_models' and table_name = %s order by 1
"""
PROBLEMS = """
    select distinct convert_from(data, 'UTF8')::json -> 'problem' ->> 'type' from headwater.journal
     where name like 'headwater.command.decided.%%' and convert_from(data, 'UTF8')::json ->> 'problem' is not null
     order by 1
"""


def heads(installation: Installation) -> dict[str, list[Any]]:
    """The end of each partition: its sequence and hash."""
    return {f"{context}/{number}": [sequence, hash_] for context, number, sequence, hash_ in installation.rows(HEADS)}


def columns(installation: Installation, model: str) -> list[str]:
    return [str(column) for (column,) in installation.rows(COLUMNS, model)]


def digest(installation: Installation, model: str, shown: list[str]) -> str:
    """A digest of these columns of every row of a read model."""
    listed = ", ".join(f'"{column}"' for column in shown)
    found = installation.rows(f"select row_to_json(r) from (select {listed} from read_models.{model}) r")
    lines = sorted(json.dumps(row, sort_keys=True) for (row,) in found)
    return sha256("\n".join(lines).encode()).hexdigest()


def read_models(installation: Installation) -> dict[str, dict[str, Any]]:
    """The columns and a digest of every read model."""
    found = {str(view): columns(installation, str(view)) for (view,) in installation.rows(VIEWS)}
    return {view: {"columns": shown, "digest": digest(installation, view, shown)} for view, shown in found.items()}


def problems(installation: Installation) -> list[str]:
    """The types of problem that outcomes on record have."""
    return [str(problem) for (problem,) in installation.rows(PROBLEMS)]

"""Processes that use the embedded server, as root and as an ordinary user, to be killed and looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from streams.postgres.accounts import NotStarted
from streams.postgres.programs import program
from streams.postgres.run_directory import RunDirectory
from streams.postgres.server import EmbeddedServer

ORDINARY = 65534
"""`nobody`, which every system has."""

USE = """
import logging, sys
from pathlib import Path
from streams.postgres.accounts import NotStarted
from streams.postgres.server import start_embedded
logging.basicConfig(stream=sys.stderr, level="INFO")
try:
    print(start_embedded(Path(sys.argv[1])), flush=True)
except NotStarted as reason:
    sys.exit(f"refused: {reason}")
sys.stdin.readline()
"""
WITHIN_SECONDS = 60.0


def as_ordinary(uid: int = ORDINARY) -> list[str]:
    """The beginning of a command line that runs as an ordinary user, who may read this interpreter wherever it is."""
    if os.geteuid() != 0:
        return []
    capability = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *capability, "--"]


class User:
    """A process that uses the server of a data directory until it leaves or is killed."""

    def __init__(self, directory: Path, prefix: Sequence[str] = (), **environment: str) -> None:
        self._dsn = ""
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-c", USE, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment},
        )

    def dsn(self) -> str:
        """Its DSN, once the server is ready for it."""
        assert self._process.stdout is not None
        if not self._dsn:
            self._dsn = self._process.stdout.readline().strip()
            assert self._dsn, self._process.communicate()[1]
        return self._dsn

    def refused(self) -> str:
        """The sentence with which it ends; it must not end otherwise."""
        _, said = self._process.communicate(timeout=WITHIN_SECONDS)
        assert "Traceback" not in said, said
        _, found, sentence = said.partition("refused: ")
        assert found, said
        return sentence.strip()

    def leave(self) -> str:
        """Ends it in order, and returns what it said on standard error."""
        _, said = self._process.communicate("\n", timeout=WITHIN_SECONDS)
        assert self._process.returncode == 0, said
        return said

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def ask(dsn: str, sql: str) -> Any:
    """The first value that a statement gives."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


def do(dsn: str, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.encode())


def server_pid(directory: Path) -> int:
    return int((directory / "postmaster.pid").read_text().split()[0])


def runs(directory: Path) -> bool:
    """Whether any process of the directory's server lives."""
    lock = RunDirectory(directory).server_lock(wait=False)
    if lock is None:
        return True
    os.close(lock)
    return False


def await_(condition: Callable[[], bool], complaint: str) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < until, complaint
        time.sleep(0.005)


def lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def kill_all_of(directory: Path) -> None:
    """kill -9 of every process that names this directory, or its draft, in its command line."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(directory).encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def copy(directory: Path, into: Path) -> Path:
    """`cp -a` of an installation's database, its run directory among it."""
    into.mkdir(parents=True, exist_ok=True)
    for part in (directory, RunDirectory(directory).path):
        subprocess.run(["cp", "-a", str(part), str(into)], check=True)
    return into / directory.name


def modes(path: Path) -> Mapping[Path, int]:
    """The permissions of every directory above a path."""
    return {parent: parent.stat().st_mode for parent in path.parents}


def psql(sockets: str, role: str, prefix: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """An attempt to connect by the socket as another user."""
    line = [*prefix, str(program("psql")), "-h", sockets, "-U", role, "-d", "postgres", "-Atc", "select 1"]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd="/")


@contextmanager
def used(directory: Path) -> Iterator[str]:
    """This process as a user of the server: its DSN."""
    own = EmbeddedServer(directory)
    try:
        yield own.dsn()
    finally:
        own.leave()


def word(dsn: str) -> str:
    return str(ask(dsn, "select word from headwater.kept"))


def refused(directory: Path) -> str:
    """The sentence with which a start is refused."""
    with pytest.raises(NotStarted) as reason, used(directory):
        pytest.fail("started")
    return str(reason.value)


def append(path: Path, line: str) -> None:
    """Writes into a file of the database, which stays the server's."""
    with path.open("a") as file:
        file.write(line + "\n")
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)

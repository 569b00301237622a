"""Embedded PostgreSQL server: start, proof of identity, supervision, stop; and the durability check of any server.

Processes that use one data directory share its server. The first one starts it, the last one stops it, and one that is
killed leaves it running for the next. A server is used only after it has answered with the mark that its starter wrote
under the held lock, and with the data directory that was asked for.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from streams.postgres import data_directory
from streams.postgres.accounts import NotStarted, account, server_account
from streams.postgres.programs import program, spawn
from streams.postgres.roles import PRODUCT_ROLE, SUPERUSER, settle_roles
from streams.postgres.run_directory import PORT, RunDirectory, Running

if TYPE_CHECKING:  # an import that takes longer than a start
    from streams.core.read_models import Row

log = logging.getLogger(__name__)

DATABASE = "postgres"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.5
SAY_SECONDS = 5.0
"""Time between two sentences about a server that is not ready yet."""

PATIENCE_SECONDS = 60.0
"""Time for which a server that another process runs may be out of reach, before that is an error."""

MARK = "headwater.mark"
PROOF = f"select current_setting('{MARK}', true), current_setting('data_directory'), pg_is_in_recovery()"
UNKNOWN_LOCALE = 'invalid value for parameter "lc_'


class NotDurable(Exception):
    """A server whose settings can lose acknowledged writes in a crash; Headwater refuses it."""


class EmbeddedServer:
    """The server of one data directory, as this process uses it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._account = server_account(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        self._run = RunDirectory(directory)
        self._run.make(self._account)
        self._users = self._run.users_lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._leaving = False
        self._process = os.getpid()

    def dsn(self) -> str:
        """The DSN for the product's role, once the server is ready; raises NotStarted or OSError.

        Starts a server where none runs. Waits for its recovery as long as that takes, and says so.
        """
        began = said = time.monotonic()
        started = False
        while True:
            if (lock := self._run.server_lock(wait=False)) is not None:
                if started:
                    os.close(lock)
                    raise NotStarted(f"PostgreSQL has ended: {self._last_words(failed=True)} (log: {self._run.log})")
                self._start(lock)
                started = True
            waited = time.monotonic() - began
            if (found := self._dsn_of_ready(waited)) is not None:
                return found
            if time.monotonic() > said + SAY_SECONDS:
                said = time.monotonic()
                log.warning("PostgreSQL is not ready after %.0f s: %s", waited, self._last_words())
            time.sleep(min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, waited / 10)))

    def _start(self, lock: int) -> None:
        """Start a server, which inherits the lock; a kill of this process at any point leaves a next start its way."""
        try:
            if not (self._directory / "PG_VERSION").exists():
                data_directory.create(self._directory, self._account, lock)
            data_directory.check(self._directory)
            data_directory.take_over(self._directory, self._account)
            self._spawn(lock)
        finally:
            os.close(lock)

    def _spawn(self, lock: int) -> None:
        sockets = self._run.socket_directory(self._account)
        running = Running(uuid4().hex, str(self._directory), str(sockets))
        self._run.write_access(self._account, [self._account, account(os.geteuid())], [SUPERUSER, PRODUCT_ROLE])
        self._run.write_running(lock, running)
        settings = self._run.settings(sockets) | {MARK: running.mark}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._run.open_log() as output:
            self._child = spawn(
                self._account,
                program("postgres"),
                ["-D", str(self._directory), *arguments],
                output,
                [self._directory.parent],
                [lock],
            )

    def _dsn_of_ready(self, waited: float) -> str | None:
        """None while no server answers as the one that holds the lock; NotStarted when that lasts."""
        running = self._run.running()
        if running is None or not data_directory.says_ready(self._directory):
            return None
        with suppress(psycopg.OperationalError), _connected(running) as connection:
            mark, directory, recovering = connection.execute(PROOF).fetchall()[0]
            if recovering:
                return None
            if (mark, directory) == (running.mark, str(self._directory)):
                settle_roles(connection)
                return make_conninfo("", host=running.sockets, port=PORT, user=PRODUCT_ROLE, dbname=DATABASE)
        if waited > PATIENCE_SECONDS:
            raise NotStarted(
                f"another process has the database of {self._directory} open, as {running.directory}, and it cannot "
                f"be reached at {running.sockets} from here. Run this where it runs (the same container or service)."
            )
        return None

    def watch(self, on_failure: Callable[[BaseException], None]) -> None:
        """Start the server again, from a thread, whenever it ends; `on_failure` gets the reason if that fails."""
        threading.Thread(target=self._watch, args=[on_failure], name="postgresql", daemon=True).start()

    def _watch(self, on_failure: Callable[[BaseException], None]) -> None:
        try:
            while True:
                lock = self._run.server_lock(wait=True)
                assert lock is not None
                os.close(lock)
                if self._leaving:
                    return
                log.error("PostgreSQL has ended: %s; it is started again", self._last_words())
                self.dsn()
        except (NotStarted, OSError) as failure:
            on_failure(failure)

    def leave(self) -> None:
        """End this process's use; the last one to leave stops the server and waits for its end."""
        if os.getpid() != self._process or self._leaving:
            return
        self._leaving = True
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stop()
        except BlockingIOError:
            log.debug("other processes go on using the server")
        finally:
            os.close(self._users)

    def _stop(self) -> None:
        """Stop the child, wherever its directory is by now, or the server that another process has left running."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            self._child.wait()
        lock = self._run.server_lock(wait=False)
        if lock is None and (pid := self._proven_pid()) is not None:
            os.kill(pid, signal.SIGINT)
            lock = self._run.server_lock(wait=True)
        if lock is not None:
            self._run.remove_socket_directory()
            os.close(lock)

    def _proven_pid(self) -> int | None:
        """The process that listens, by the kernel's word, at the socket at which the right server answers."""
        running = self._run.running()
        if running is None or not hasattr(socket, "SO_PEERCRED"):
            return None
        with suppress(psycopg.OperationalError), _connected(running) as connection:
            mark, directory, _ = connection.execute(PROOF).fetchall()[0]
            with socket.socket(fileno=os.dup(connection.fileno())) as peer:
                pid, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if (mark, directory) == (running.mark, str(self._directory)) and pid > 0:
                return int(pid)
        return None

    def _last_words(self, failed: bool = False) -> str:
        """The last line of the server's log, or the last one that says why it failed."""
        lines = [line for line in self._run.tail_of_log().splitlines() if line.strip()] or ["its log is empty"]
        if failed and any(UNKNOWN_LOCALE in line for line in lines[-5:]):
            return f"{lines[-3]} - the locale that this database was made with is not installed here (locale-gen)"
        reasons = [line for line in lines[-10:] if " FATAL: " in line or " PANIC: " in line]
        return (reasons or lines)[-1] if failed else lines[-1]


def _connected(running: Running) -> psycopg.Connection[Row]:
    return psycopg.connect(
        host=running.sockets, port=PORT, user=SUPERUSER, dbname=DATABASE, autocommit=True, connect_timeout=5
    )


_servers: dict[Path, EmbeddedServer] = {}
_registration = threading.RLock()


def embedded_server(directory: Path) -> EmbeddedServer:
    """The server of this data directory, one object per process, which uses it until the process exits.

    Raises NotStarted where this process must not touch the directory.
    """
    with _registration:
        directory = directory.resolve()
        if directory not in _servers:
            _servers[directory] = server = EmbeddedServer(directory)
            atexit.register(server.leave)
        return _servers[directory]


def start_embedded(directory: Path) -> str:
    """Start the server with this data directory, or find it running; returns its DSN. Raises NotStarted."""
    try:
        with _registration:
            return embedded_server(directory).dsn()
    except OSError as error:
        raise NotStarted(f"the database in {directory} cannot be used: {error}") from error


def check_durable(connection: psycopg.Connection[Row]) -> None:
    """Raise NotDurable, naming the setting, when a crash could lose acknowledged writes."""
    for setting, wanted in DURABLE.items():
        row = connection.execute("select current_setting(%s)", (setting,)).fetchone()
        if row is None or (row[0] != wanted and not (setting == "synchronous_commit" and row[0].startswith("remote"))):
            raise NotDurable(
                f"PostgreSQL has {setting} = {row and row[0]}, which can lose acknowledged writes in a crash. "
                f"Set {setting} = {wanted} in postgresql.conf (or with ALTER SYSTEM) and start it again."
            )

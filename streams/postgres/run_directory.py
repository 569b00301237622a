"""Run directory of the embedded server, beside its data: locks, log, rules of access, and its socket.

`server.lock` is held by every process of the server, which inherit it, so it is free when all have ended, in any
way. `users.lock` is held by every process that uses the server. The kernel gives both back after a kill.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple

from streams.postgres.accounts import Account, NotStarted

LONGEST_SOCKET_PATH = 103
"""Bytes of a socket's path, without the final zero, that every system takes."""

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
TAIL_BYTES = 4096
ACCESS_FILE, MAP_FILE, MAP = "pg_hba.conf", "pg_ident.conf", "headwater"
ACCESS = f"local all all peer map={MAP}\nlocal replication all peer map={MAP}\n"
"""`pg_hba.conf`: by socket alone, and by the account that the kernel names."""


WITHOUT_VALUES = {"log_min_messages": "log"}
"""Settings of the log: no errors of statements, whose texts quote values. The process that asked gets and logs them."""


class Running(NamedTuple):
    """Content of the held lock, written by the server's starter: the server that answers must say the same."""

    mark: str
    directory: str
    sockets: str


class RunDirectory:
    """`postgres.run` beside `postgres`, readable by its server alone."""

    def __init__(self, data_directory: Path) -> None:
        self._data_directory = data_directory
        self.path = data_directory.with_name(f"{data_directory.name}.run")

    @property
    def log(self) -> Path:
        return self.path / "log"

    def make(self, server: Account) -> None:
        """Make the directory, owned by the server's account and closed to all others."""
        _private(self.path, server)

    def server_lock(self, wait: bool) -> int | None:
        """The server's lock as a descriptor, once no process of the server lives; None where one does."""
        return _locked(self.path / "server.lock", fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def users_lock(self) -> int:
        """The lock of a process that uses the server; waits for one that is stopping it."""
        held = _locked(self.path / "users.lock", fcntl.LOCK_SH)
        assert held is not None
        return held

    def running(self) -> Running | None:
        """Content of the server's lock, written by its holder; None if it is incomplete."""
        lines = (self.path / "server.lock").read_text().splitlines()
        return Running(*lines) if len(lines) == len(Running._fields) else None

    def write_running(self, lock: int, running: Running) -> None:
        """Write the identity of the server into the lock that it holds."""
        os.truncate(lock, 0)
        os.pwrite(lock, "\n".join(running).encode(), 0)

    def settings(self, sockets: Path) -> dict[str, str]:
        """The settings of a server that is reached by its socket alone, by the accounts of `write_access`."""
        quoted = str(sockets).replace('"', '""')
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "hba_file": str(self.path / ACCESS_FILE),
            "ident_file": str(self.path / MAP_FILE),
            **WITHOUT_VALUES,
        }

    def open_log(self) -> IO[bytes]:
        """The server's log, to append to; readable by its owner alone."""
        return os.fdopen(_opened(self.log, os.O_WRONLY | os.O_APPEND), "ab")

    def tail_of_log(self) -> str:
        """The last lines of the server's log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            return log.read().decode(errors="replace")

    def write_access(self, server: Account, accounts: Iterable[Account], roles: Iterable[str]) -> None:
        """Write the rules: these accounts may be these roles, and no other account gets in."""
        every = {one.name for one in accounts}
        lines = [f'{MAP} "{name}" {role}\n' for name in sorted(every) for role in roles]
        _write(self.path / ACCESS_FILE, ACCESS, server)
        _write(self.path / MAP_FILE, "".join(lines), server)

    def socket_directory(self, server: Account) -> Path:
        """A private directory in which a socket can be made; this one, unless its path is too long."""
        for candidate in self._candidates(server):
            try:
                _private(candidate, server)
                _try_socket(candidate)
            except OSError:
                continue
            return candidate
        raise NotStarted(f"no directory can hold the database's socket; tried {', '.join(map(str, TEMPORARY))}")

    def remove_socket_directory(self) -> None:
        """Remove the stopped server's socket directory, if it is elsewhere; the caller holds the server's lock."""
        running = self.running()
        if running is not None and running.sockets != str(self.path):
            with suppress(OSError):
                Path(running.sockets).rmdir()

    def _candidates(self, server: Account) -> Iterator[Path]:
        if "," not in str(self.path):  # clients read a comma as the end of a host
            yield self.path
        found = self._data_directory.stat()
        name = sha256(f"{found.st_dev}:{found.st_ino}".encode()).hexdigest()[:16]
        yield from (base / f"headwater-{server.uid}-{name}" for base in (Path(f"/run/user/{server.uid}"), *TEMPORARY))


TEMPORARY = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 - a directory of our own, checked, in it
"""Directories of sockets for long paths: fixed, as processes with other variables must find the same."""


def _private(path: Path, server: Account) -> None:
    """Make a directory of mode 0700, or raise OSError for one that is a link, another's or open."""
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, server.uid, server.gid)
    except FileExistsError:
        found = path.lstat()
        if found.st_uid != server.uid or not path.is_dir() or path.is_symlink():
            raise PermissionError(f"{path} is not {server.name}'s") from None
        path.chmod(0o700)


def _try_socket(directory: Path) -> None:
    """Bind a socket as the server will; raises OSError where the path is too long or the file system has none."""
    path = directory / SOCKET
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise OSError(f"{path} is too long for a socket")
    for left in (path, directory / f"{SOCKET}.lock"):
        left.unlink(missing_ok=True)  # an earlier server's: the caller holds the server's lock
    with socket.socket(socket.AF_UNIX) as tried:
        tried.bind(str(path))
    path.unlink()


def _locked(path: Path, how: int) -> int | None:
    descriptor = _opened(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write(path: Path, text: str, server: Account) -> None:
    """Write a file that the server can read, at once."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(_opened(draft, os.O_WRONLY | os.O_EXCL), "w") as file:
        file.write(text)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), server.uid, server.gid)
    draft.replace(path)


def _opened(path: Path, how: int) -> int:
    """A file of this directory, never through a link: the server's account, which owns the directory, is not root."""
    return os.open(path, how | os.O_CREAT | os.O_NOFOLLOW, 0o600)

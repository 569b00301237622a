"""Data directory of the embedded server: its creation, the checks before a start, and what an earlier server left."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from streams.postgres.accounts import Account, NotStarted, own
from streams.postgres.programs import MAJOR, PLACES, ProgramFailed, program, run
from streams.postgres.roles import SUPERUSER

INITDB = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth-local=peer",
    "--auth-host=reject",
    "--no-instructions",
)
PID_FILE = "postmaster.pid"


def create(directory: Path, server: Account, lock: int) -> None:
    """Create the data directory, by way of a draft: a kill in between leaves nothing half made.

    initdb inherits `lock`, so a start after a kill waits for an initdb that outlived its parent.
    """
    if (aside := set_aside(directory)) is not None:
        raise NotStarted(f"an upgrade of {aside} was interrupted: headwater upgrade goes on with it")
    draft = fresh_draft(directory, server)
    try:
        run(server, program("initdb"), [*INITDB, f"--pgdata={draft}"], [directory.parent], [lock])
    except ProgramFailed as failure:
        raise NotStarted(f"the database could not be made in {directory}: {failure}") from None
    put_in_place(draft, directory)


def fresh_draft(directory: Path, server: Account) -> Path:
    """An empty directory beside the data directory, to become it; what an interrupted start left is removed."""
    draft = directory.with_name(f"{directory.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    own(draft, server)
    return draft


def put_in_place(draft: Path, directory: Path) -> None:
    """Rename a complete draft, durably; raises NotStarted where something else is in its place."""
    try:
        draft.rename(directory)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise NotStarted(
            f"{directory} is a mount point, or holds something that is no database. The mount belongs on "
            f"{directory.parent}; the database makes its own directory in it."
        ) from error
    parent = os.open(directory.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def set_aside(directory: Path) -> Path | None:
    """The data of an older version that an upgrade has set aside, where nothing has taken its place yet."""
    found = sorted(directory.parent.glob(f"{glob.escape(directory.name)}.of-*"))
    return found[-1] if found and not directory.exists() else None


def major_of(directory: Path) -> str:
    """The major version of PostgreSQL that made the directory."""
    return (directory / "PG_VERSION").read_text().strip()


def check(directory: Path) -> None:
    """Raise NotStarted for a directory that this program's server cannot open."""
    found = major_of(directory)
    if found != str(MAJOR):
        remedy = "headwater upgrade carries it over" if found in map(str, PLACES) else "a newer Headwater opens it"
        raise NotStarted(f"{directory} is of PostgreSQL {found}, and this program runs PostgreSQL {MAJOR}: {remedy}")
    if not (directory / "global" / "pg_control").exists():
        raise NotStarted(
            f"{directory} is not a whole database; an interrupted initdb of an earlier release leaves such a one. "
            "If nothing has been recorded here yet, remove it and start again; otherwise restore a backup."
        )


def take_over(directory: Path, server: Account) -> None:
    """Make the files the server's own, and remove a `postmaster.pid` that names a stranger.

    The caller holds the server's lock, so no server of ours runs. PostgreSQL itself settles a pid that is gone.
    """
    if directory.stat().st_uid != server.uid:
        own(directory, server)
    if stat.S_IMODE(directory.stat().st_mode) not in (0o700, 0o750):
        directory.chmod(0o700)
    pid = _recorded_pid(directory)
    if pid is not None and runs_in(pid, directory):
        raise NotStarted(
            f"a PostgreSQL server that Headwater did not start (pid {pid}) has {directory} open. "
            f"Stop it first: {program('pg_ctl')} stop -D '{directory}'"
        )
    if pid is None or _exists(pid):
        (directory / PID_FILE).unlink(missing_ok=True)


def _recorded_pid(directory: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return abs(int((directory / PID_FILE).read_text().splitlines()[0]))
    return None


def runs_in(pid: int, directory: Path) -> bool:
    """Whether the process works in this directory, as every process of its server does.

    A number alone proves nothing: it may be another process's by now, another machine's or another container's.
    """
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").samefile(directory)
    return not Path("/proc/self/cwd").exists() and _exists(pid) and str(directory) in _line_two(directory)


def says_ready(directory: Path) -> bool:
    """Whether `postmaster.pid` ends with *ready*: a hint that spares connections, and no proof."""
    with suppress(OSError):
        return (directory / PID_FILE).read_text().rstrip().endswith("ready")
    return False


def _line_two(directory: Path) -> list[str]:
    return (directory / PID_FILE).read_text().splitlines()[1:2]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True

"""Upgrade of an embedded data directory to this program's major version of PostgreSQL, by `pg_upgrade`.

The old directory is copied, not changed, and kept under another name. A kill in between is taken up by the next call.
"""

from __future__ import annotations

import os
from pathlib import Path

from streams.postgres.accounts import Account, NotStarted, server_account
from streams.postgres.data_directory import INITDB, fresh_draft, major_of, put_in_place, set_aside, take_over
from streams.postgres.programs import MAJOR, PLACES, ProgramFailed, program, run
from streams.postgres.roles import SUPERUSER
from streams.postgres.run_directory import RunDirectory


def upgrade_major(directory: Path) -> int | None:
    """Upgrade a stopped data directory; gives the major version that it had, or None where there is nothing to do.

    Raises NotStarted, with the reason, where it cannot be done.
    """
    server = server_account(directory)
    run_directory = RunDirectory(directory)
    run_directory.make(server)
    lock = run_directory.server_lock(wait=False)
    if lock is None:
        _refuse_older(directory)
        return None
    try:
        return _upgraded(directory, server, run_directory, lock)
    except ProgramFailed as failure:
        raise NotStarted(f"the upgrade of {directory} failed, and nothing of it was changed: {failure}") from None
    finally:
        os.close(lock)


def _refuse_older(directory: Path) -> None:
    """For a directory in use: of this version it needs nothing."""
    if major_of(directory) != str(MAJOR):
        raise NotStarted(f"a server uses {directory}: stop it first")


def _upgraded(directory: Path, server: Account, run_directory: RunDirectory, lock: int) -> int | None:
    aside, draft = set_aside(directory), directory.with_name(f"{directory.name}.draft")
    if aside is not None and not draft.exists():
        aside.rename(directory)
        aside = None
    if aside is None:
        found = major_of(directory)
        if found == str(MAJOR):
            return None
        if int(found) not in PLACES:
            raise NotStarted(f"{directory} is of PostgreSQL {found}, which this program does not know")
        take_over(directory, server)
        draft = _draft(directory, int(found), server, run_directory, lock)
        aside = directory.with_name(f"{directory.name}.of-{found}")
        directory.rename(aside)
    put_in_place(draft, directory)
    return int(major_of(aside))


def _draft(directory: Path, old: int, server: Account, run_directory: RunDirectory, lock: int) -> Path:
    """The data in a directory of the new version."""
    searched, locks = [directory.parent], [lock]
    run(server, program("postgres", old), ["--single", "-D", str(directory), SUPERUSER], searched, locks)
    draft = fresh_draft(directory, server)
    trusted = [word.replace("--auth-local=peer", "--auth-local=trust") for word in INITDB]
    run(server, program("initdb"), [*trusted, "--no-data-checksums", f"--pgdata={draft}"], searched, locks)
    if _has_checksums(directory, old, server):
        run(server, program("pg_checksums"), ["--enable", f"--pgdata={draft}"], searched, locks)
    sockets = run_directory.socket_directory(server)
    places = [f"--old-bindir={program('postgres', old).parent}", f"--new-bindir={program('postgres').parent}",
              f"--old-datadir={directory}", f"--new-datadir={draft}"]  # fmt: skip
    arguments = [*places, f"--username={SUPERUSER}", f"--socketdir={sockets}"]
    run(server, program("pg_upgrade"), arguments, searched, locks, cwd=run_directory.path)
    if not _has_checksums(directory, old, server):
        run(server, program("pg_checksums"), ["--enable", f"--pgdata={draft}"], searched, locks)
    os.sync()
    return draft


def _has_checksums(directory: Path, major: int, server: Account) -> bool:
    """pg_checksums ends well only where there are some to check."""
    try:
        run(server, program("pg_checksums", major), ["--check", f"--pgdata={directory}"], [directory.parent])
    except ProgramFailed as failure:
        if "not enabled" in str(failure):
            return False
        raise
    return True

"""Physical backup of the embedded server while it runs, and a data directory made from one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from streams.postgres.accounts import NotStarted, account, own, server_account
from streams.postgres.data_directory import check, fresh_draft, put_in_place
from streams.postgres.programs import ProgramFailed, program, run
from streams.postgres.roles import SUPERUSER
from streams.postgres.run_directory import RunDirectory

MANIFEST = "backup_manifest"


class CannotBackUp(Exception):
    """The backup was not made, or is not whole; the text says why."""


def take_base_backup(dsn: str, into: Path) -> None:
    """Copy the running server's files, with the log that makes them consistent, and check every checksum."""
    host = str(conninfo_to_dict(dsn)["host"])
    server = [f"--host={host}", f"--username={SUPERUSER}", "--no-password"]
    _run("pg_basebackup", [f"--pgdata={into}", *server, "--checkpoint=fast", "--manifest-checksums=SHA256"])
    check_base_backup(into)


def check_base_backup(backup: Path) -> None:
    """Compare every file with the manifest's checksum, and read the log; raises CannotBackUp.

    By hand: `pg_verifybackup` of the wheel's PostgreSQL 18 is damaged, the system's loader cannot start it.
    """
    try:
        manifest = json.loads((backup / MANIFEST).read_bytes())
        for file in manifest["Files"]:
            _check_file(backup, file)
        for part in manifest["WAL-Ranges"]:
            places = [f"--timeline={part['Timeline']}", f"--start={part['Start-LSN']}", f"--end={part['End-LSN']}"]
            _run("pg_waldump", ["--quiet", f"--path={backup / 'pg_wal'}", *places])
    except (OSError, ValueError, KeyError) as error:
        raise CannotBackUp(f"{backup} is not whole: {error}") from None


def _check_file(backup: Path, file: dict[str, str]) -> None:
    path = backup / (file["Path"] if "Path" in file else bytes.fromhex(file["Encoded-Path"]).decode())
    with path.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() != file["Checksum"]:
            raise CannotBackUp(f"{path} is damaged: its checksum is another than the server gave it")


def _run(name: str, arguments: list[str]) -> None:
    try:
        run(account(os.geteuid()), program(name), arguments)
    except ProgramFailed as failure:
        raise CannotBackUp(str(failure)) from None


@contextmanager
def kept_free(directory: Path) -> Iterator[None]:
    """Keep other processes from making a database here; raises NotStarted where there is one."""
    server = server_account(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    run_directory = RunDirectory(directory)
    run_directory.make(server)
    lock = run_directory.server_lock(wait=False)
    try:
        if lock is None or directory.exists():
            raise NotStarted(f"{directory} exists already: a backup is restored into a new data directory")
        yield
    finally:
        if lock is not None:
            os.close(lock)


def copy_base_backup(backup: Path, directory: Path) -> None:
    """Make a data directory from a backup; what an interrupted restore left there is removed."""
    server = server_account(directory)
    shutil.rmtree(directory, ignore_errors=True)
    draft = fresh_draft(directory, server)
    shutil.copytree(backup, draft, symlinks=True, dirs_exist_ok=True)
    own(draft, server)
    draft.chmod(0o700)
    check(draft)
    os.sync()
    put_in_place(draft, directory)


def put_restored(restored: Path, directory: Path) -> None:
    """Give a restored data directory its final name, once its server has been stopped."""
    put_in_place(restored, directory)
    shutil.rmtree(RunDirectory(restored).path)

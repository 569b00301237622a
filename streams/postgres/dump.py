"""Logical backup of a PostgreSQL that is not Headwater's to run: the engine's and the read models' schemas."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from streams.core.read_models import Row
from streams.postgres.accounts import account
from streams.postgres.base_backup import CannotBackUp
from streams.postgres.extensions import MissingExtension, make_extensions
from streams.postgres.programs import MAJOR, ProgramFailed, program, run

SCHEMAS = ("headwater", "read_models")
TAKEN = "select nspname from pg_namespace where nspname = any(%s)"


def take_dump(dsn: str, path: Path) -> None:
    """Write both schemas as of one instant, while anything runs; raises CannotBackUp."""
    with psycopg.connect(dsn) as connection:
        major = connection.info.server_version // 10_000
    if major > MAJOR:
        raise CannotBackUp(
            f"PostgreSQL {major} is newer than the pg_dump {MAJOR} of this program: take a dump with its own, "
            f"of the schemas {' and '.join(SCHEMAS)}"
        )
    _run("pg_dump", dsn, ["--format=custom", f"--file={path}", *(f"--schema={name}" for name in SCHEMAS)])


def load_dump(dsn: str, path: Path, extensions: Sequence[str] = ()) -> None:
    """Load a dump into a database without these schemas, all or nothing; raises CannotBackUp.

    The extensions that its tables need are made first, as a dump of schemas has none.
    """
    with psycopg.connect(dsn) as connection:
        _make(connection, extensions)
        taken = [name for (name,) in connection.execute(TAKEN, (list(SCHEMAS),)).fetchall()]
    if taken:
        raise CannotBackUp(f"the database has the schema {taken[0]} already: a dump is restored into an empty one")
    _run("pg_restore", dsn, ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(path)])


def _make(connection: psycopg.Connection[Row], extensions: Sequence[str]) -> None:
    try:
        make_extensions(connection, extensions)
    except MissingExtension as missing:
        raise CannotBackUp(str(missing)) from missing


def _run(name: str, dsn: str, arguments: Sequence[str]) -> None:
    """The password is in a variable: other users see command lines."""
    known = conninfo_to_dict(dsn)
    secret = {"PGPASSWORD": str(known["password"])} if known.get("password") else {}
    public = make_conninfo("", **{key: value for key, value in known.items() if key != "password"})
    try:
        line = ["--no-password", f"--dbname={public}", *arguments]
        run(account(os.geteuid()), program(name), line, variables=_passed_on() | secret)
    except ProgramFailed as failure:
        raise CannotBackUp(str(failure)) from None


def _passed_on() -> dict[str, str]:
    """What the driver reads from the environment for this server, its programs read too."""
    return {name: value for name, value in os.environ.items() if name.startswith("PG") or name == "HOME"}

"""The installation that a command works on: checks that it exists, and that this program can read its read models."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

import bootstrap
from commandline import Stop
from settings import Settings
from streams.core.read_models import Row
from streams.postgres.data_directory import set_aside
from streams.postgres.database import connect_plain, has_table
from streams.postgres.installation import WrongInstallation, check_format
from streams.postgres.rebuild import registered

HOW = "`headwater up` makes an installation"
HOW_ON_KAFKA = (
    "the first role to start makes the tables (`headwater topics create`, then `headwater processor`, `projector`,"
    " `worker` and `api`)"
)

VERSIONS = {model.name: model.version for context in bootstrap.CONTEXTS for model in context.read_models}
"""The version of each read model that this program reads."""


def existing_database(settings: Settings) -> str:
    """The DSN of an installation that exists; nothing is made where there is none. Raises Stop."""
    if settings.postgres is None and not has_embedded_database(settings):
        raise Stop(f"there is no installation in {settings.data}: `headwater up` makes one (--data, HEADWATER_DATA)")
    try:
        dsn = bootstrap.database(settings)
    except (OSError, RuntimeError) as error:
        raise Stop(f"the database in {settings.data} could not be started: {error}") from None
    with connect_plain(dsn, "headwater setup") as connection:
        if not has_table(connection, "headwater.installation"):
            raise Stop(f"there is nothing here yet: {HOW_ON_KAFKA if settings.kafka else HOW}")
        try:
            check_format(connection)
        except WrongInstallation as wrong:
            raise Stop(str(wrong)) from None
    return dsn


def has_embedded_database(settings: Settings) -> bool:
    """Whether the data directory holds the files of a database, or what an interrupted upgrade left of one."""
    directory = bootstrap.database_directory(settings)
    return (directory / "PG_VERSION").exists() or set_aside(directory) is not None


def check_readable(connection: psycopg.Connection[Row], *names: str) -> None:
    """Raise Stop for a read model whose live table is missing, of another version, or has halted."""
    live = {row.name: row for row in registered(connection) if row.state == "live"}
    for name in names:
        row = live.get(name)
        if row is None or row.version != VERSIONS[name]:
            found = "there is none" if row is None else f"the database has version {row.version}"
            raise Stop(f"this program reads {name} in version {VERSIONS[name]}, and {found}: a start builds it anew")
        if row.halted_at:
            raise Stop(
                f"{name} has halted at {row.halted_at} ({row.error}), and what came later is not in it;"
                f" after the fix: headwater projection retry {name}"
            )


def time_of(connection: psycopg.Connection[Row]) -> datetime:
    """The time by the installation's clock: a manual one, where it has one."""
    row = connection.execute("select now from headwater.clock").fetchone()
    return datetime.now(UTC) if row is None else row[0]

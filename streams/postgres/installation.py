"""An installation: a database prepared for its contexts, with one embedded writer at a time."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Sequence
from hashlib import sha256
from time import monotonic
from typing import Literal

from psycopg import AsyncConnection, Connection

from streams.core.envelope import GENESIS
from streams.core.read_models import ReadModel, Row
from streams.core.wiring import Context
from streams.postgres.database import connect, has_table
from streams.postgres.extensions import MissingExtension, extensions_of, make_extensions
from streams.postgres.projection_tables import Projection
from streams.postgres.schema import DDL, FORMAT, INDEXES
from streams.postgres.server import check_durable

log = logging.getLogger(__name__)

WRITER = 0x48656164
"""Key of the advisory lock that the one embedded writer holds (ASCII "Head")."""

MARK = b"the master key of this installation"
"""Text signed with the master key. The signature identifies the key without revealing it."""

HOLDER = """
    select a.pid, a.application_name from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.objid = %s and l.granted and a.datname = current_database()
"""


FORMER_SECONDS = 60.0
"""Seconds that the former backend of a process may take over its last commit, on a disk that stands still."""


class InUse(Exception):
    """Another process holds the writer's lock of this installation."""


class WrongInstallation(Exception):
    """The database has another format, number of partitions, log, master key or secret, or lacks an extension."""


async def acquire_writer_lock(dsn: str, wait_seconds: float = 5.0, former: int | None = None) -> AsyncConnection[Row]:
    """A connection that holds the writer's lock until it closes; raises InUse with the holder's backend.

    Waits up to `wait_seconds`: the server may release the lock of a killed process a moment late. `former` is the
    backend of this process's own lost connection; it ends by itself, so it is waited for up to `FORMER_SECONDS` more.
    """
    connection = await connect(dsn, "headwater writer")
    until = monotonic() + wait_seconds
    while True:
        row = await (await connection.execute("select pg_try_advisory_lock(%s)", (WRITER,))).fetchone()
        if row is not None and row[0]:
            return connection
        if monotonic() > until:
            holder = await (await connection.execute(HOLDER, (WRITER,))).fetchone()
            if not _will_be_free(holder, former) or monotonic() > until + FORMER_SECONDS:
                await connection.close()
                raise InUse(_in_use(holder))
        await asyncio.sleep(0.1)


def _will_be_free(holder: Row | None, former: int | None) -> bool:
    """Whether the lock is free again already, or held by what ends by itself."""
    return holder is None or holder[0] == former


def _in_use(holder: Row | None) -> str:
    return (
        "another headwater process is using this data"
        + (f" (PostgreSQL backend {holder[0]}, {holder[1]})" if holder else "")
        + ". Stop it first, or give this one a data directory of its own."
    )


Log = Literal["postgresql", "kafka"]
"""The store of an installation's log. PostgreSQL holds a copy of a log on Kafka."""

CLAIM = "update headwater.installation set log = %s where not exists (select from headwater.journal)"
ELSEWHERE = {
    "kafka": "this installation's history is on Kafka, and what were written here would not be: "
    "set HEADWATER_KAFKA and start its roles (headwater api, processor, projector, worker)",
    "postgresql": "this installation's history is in PostgreSQL, and Kafka knows nothing of it: "
    "move it first (headwater move --to-kafka)",
}


def prepare(
    connection: Connection[Row], contexts: Sequence[Context], partitions: int, log_in: Log = "postgresql"
) -> None:
    """Create the engine's tables and the contexts' partitions; idempotent. Raises NotDurable or WrongInstallation.

    `log_in` must name the store that holds the first record: the log stays there until it is moved.
    """
    check_durable(connection)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (WRITER + 1,))
        _create_tables(connection)
        connection.execute("insert into headwater.installation (format) values (%s) on conflict do nothing", (FORMAT,))
        check_format(connection)
        _check_log(connection, log_in)
        _make_extensions(connection, contexts)
        for context in contexts:
            _ensure_partitions(connection, context.name, partitions)


def _create_tables(connection: Connection[Row]) -> None:
    """Indexes are made with the first tables only: later a build would hold up every writer until it is done."""
    fresh = not has_table(connection, "headwater.tasks")
    connection.execute(DDL)
    if fresh:
        for name, on in INDEXES.items():
            connection.execute(f"create index {name} on {on}".encode())


def _make_extensions(connection: Connection[Row], contexts: Sequence[Context]) -> None:
    try:
        make_extensions(connection, extensions_of(contexts))
    except MissingExtension as missing:
        raise WrongInstallation(str(missing)) from missing


def check_format(connection: Connection[Row]) -> None:
    """Raise WrongInstallation for a database of another format."""
    row = connection.execute("select format from headwater.installation").fetchone()
    if row is None or row[0] != FORMAT:
        remedy = "headwater upgrade carries it over" if row and row[0] < FORMAT else "a newer Headwater opens it"
        raise WrongInstallation(f"the database has format {row and row[0]}, this program needs {FORMAT}: {remedy}")


def _check_log(connection: Connection[Row], wanted: Log) -> None:
    connection.execute(CLAIM, (wanted,))
    ((found,),) = connection.execute("select log from headwater.installation").fetchall()
    if found != wanted:
        raise WrongInstallation(ELSEWHERE[found])


def check_master_key(connection: Connection[Row], master_key: bytes) -> None:
    """Check the master key, storing its mark at the first start; raises WrongInstallation for another key."""
    connection.execute("update headwater.installation set master = %s where master is null", (_mark(master_key),))
    refuse_other_master_key(connection, master_key)


def refuse_other_master_key(connection: Connection[Row], master_key: bytes) -> None:
    """Check the master key without storing anything, for read-only programs; raises WrongInstallation."""
    ((found,),) = connection.execute("select master from headwater.installation").fetchall()
    if found not in (None, _mark(master_key)):
        raise WrongInstallation(
            "this installation's personal values are encrypted under another master key: "
            "give every process the same HEADWATER_MASTER_KEY, or the same data directory's master.key"
        )


def check_secret(connection: Connection[Row], mark: bytes) -> None:
    """Check the secret from which links, codes and webhook secrets derive, and store its mark at the first start.

    `mark` identifies the secret (`Secrets.mark_of_installation`). Raises WrongInstallation for another secret.
    """
    connection.execute("update headwater.installation set secret = %s where secret is null", (mark,))
    ((found,),) = connection.execute("select secret from headwater.installation").fetchall()
    if found != mark:
        raise WrongInstallation(
            "this installation's links, codes and webhook secrets derive from another secret: "
            "give every process the same HEADWATER_SECRET, or the same data directory's secret.key"
        )


def _mark(master_key: bytes) -> bytes:
    return hmac.digest(master_key, MARK, sha256)


def _ensure_partitions(connection: Connection[Row], context: str, partitions: int) -> None:
    row = connection.execute("select count(*) from headwater.partitions where context = %s", (context,)).fetchone()
    found = row[0] if row else 0
    if found == 0:
        connection.cursor().executemany(
            "insert into headwater.partitions (context, partition, hash) values (%s, %s, %s)",
            [(context, partition, GENESIS) for partition in range(partitions)],
        )
    elif found != partitions:
        raise WrongInstallation(
            f"context {context} was born with {found} partitions and cannot have {partitions}: "
            f"set HEADWATER_PARTITIONS={found}"
        )


def projection_of(context: str, model: ReadModel) -> Projection:
    """The projection that maintains a read model's table."""
    return Projection(model.name, model.version, context, model.key, model.project, model.subject, model.personal)


def unregistered(connection: Connection[Row], projections: Sequence[Projection]) -> list[Projection]:
    """The projections that have no live table of their version."""
    rows = connection.execute("select name, version from headwater.projections where state = 'live'").fetchall()
    live = set(rows)
    return [projection for projection in projections if (projection.name, projection.version) not in live]

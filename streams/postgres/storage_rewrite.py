"""Rewrite of what held an erased person's values on disk: tables with their indexes, statistics, write-ahead log.

A changed row leaves its old version in the file until something overwrites it, and the log has a copy of every change.
Everything here is bounded in time: what cannot be rewritten within it is left, and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic, sleep
from typing import NamedTuple

import psycopg
from psycopg import Connection, sql

from streams.core.read_models import Row
from streams.postgres.projection_tables import COLUMN_TYPES, REGISTERED, Registered, columns_of, ids_in

LOCK_SECONDS, REWRITE_SECONDS = 2, 5
"""The most time to wait for a table, and to keep it from its readers and writers."""

READERS_SECONDS = 10.0
"""Time for transactions that still see the erased values to end."""

MOST_SEGMENTS = 1_024

ENGINE_TABLES = ("headwater.snapshots", "headwater.subject_keys", "headwater.objects", "headwater.vault")
"""Tables of the engine whose rows an erasure deletes or changes: states in clear, wrapped keys, sealed credentials.

Not `headwater.object_parts`: what is left of a part is sealed with a key that is gone.
"""

OLDER = """
    select application_name from pg_stat_activity
     where pid <> pg_backend_pid() and backend_type in ('client backend', 'walsender')
       and age(backend_xmin) > age(%(since)s::xid)
    union all select slot_name from pg_replication_slots where age(xmin) > age(%(since)s::xid)
    union all select gid from pg_prepared_xacts where age(transaction) > age(%(since)s::xid)
     limit 1
"""
"""Who may still see row versions from before that transaction, so that a rewrite would keep them."""

RIGHTS = """
    select has_function_privilege('pg_switch_wal()', 'execute')
       and (to_regrole('pg_checkpoint') is not null and pg_has_role('pg_checkpoint', 'usage')),
       current_setting('is_superuser') = 'on'
"""

SEGMENT = "select pg_walfile_name(pg_current_wal_insert_lsn())"
SEGMENTS = "select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' order by name"
FILL = "select pg_switch_wal() from (select pg_logical_emit_message(false, 'headwater', '')) filled"
"""The end of a segment that has at least one record; the server writes zeros up to its end."""

NO_RIGHTS = (
    "this role may not move the server's write-ahead log on (grant pg_checkpoint and pg_switch_wal()): it holds erased "
    "values until the server has written over it"
)
NO_SUPERUSER = (
    "only a superuser can rewrite the planner's statistics (vacuum full pg_statistic) and the segments that the server "
    "keeps for reuse: a sample of values and parts of the log stay there until they are written over"
)


class StorageRewrite(NamedTuple):
    """The tables that were rewritten, and a sentence for each thing that was left."""

    tables: list[str]
    left: list[str]


def rewrite_storage(connection: Connection[Row], subjects: Sequence[str]) -> StorageRewrite:
    """Rewrite what held values of subjects who have been erased. The connection must be in autocommit mode."""
    done = StorageRewrite([], [])
    if (reader := _older_reader(connection)) is not None:
        done.left.append(
            f"a transaction of {reader or 'another program'} still sees the values: erase again once it is over"
        )
        return done
    for table in [*_tables_with(connection, subjects), *ENGINE_TABLES]:
        reason = _rewritten(connection, table)
        if reason is None:
            done.tables.append(table)
        else:
            done.left.append(reason)
    done.left.extend(_log_moved(connection))
    return done


def _older_reader(connection: Connection[Row]) -> str | None:
    """Who holds a snapshot from before the erasure, after waiting for its end; None if nobody does."""
    ((since,),) = connection.execute("select pg_current_xact_id()::xid::text").fetchall()
    until = monotonic() + READERS_SECONDS
    while (row := connection.execute(OLDER, {"since": since}).fetchone()) is not None:
        if monotonic() > until:
            return str(row[0])
        sleep(0.05)
    return None


def _tables_with(connection: Connection[Row], subjects: Sequence[str]) -> Iterator[str]:
    """Read models, in any state, with rows about one of the subjects."""
    types = columns_of(connection.execute(COLUMN_TYPES).fetchall())
    for row in map(Registered.of, connection.execute(REGISTERED).fetchall()):
        ids = ids_in(subjects, row.context)
        if ids and row.personal and row.subject in types.get(row.table, {}):
            about = f"select exists (select from {row.table} where {row.subject}::text = any(%s))"
            if connection.execute(about.encode(), (ids,)).fetchone() == (True,):
                yield row.table


def _rewritten(connection: Connection[Row], table: str) -> str | None:
    """None once the table is rewritten; otherwise the reason why it is left."""
    statement = sql.SQL("vacuum (full, analyze) {}").format(sql.Identifier(*table.split(".")))
    try:
        _limited(connection, LOCK_SECONDS, REWRITE_SECONDS)
        connection.execute(statement)
    except psycopg.errors.LockNotAvailable:
        return f"{table} was in use, and keeps them on disk: erase again"
    except psycopg.errors.QueryCanceled:
        return (
            f"{table} cannot be rewritten within {REWRITE_SECONDS} s, and keeps them on disk until it is written over"
            " or built anew (headwater projection rebuild, swap, drop)"
        )
    finally:
        _limited(connection, 0, 0)
    return None


def _limited(connection: Connection[Row], lock_seconds: int, seconds: int) -> None:
    connection.execute(
        "select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
        (f"{lock_seconds}s", f"{seconds}s"),
    )


def _log_moved(connection: Connection[Row]) -> Iterator[str]:
    """Move the write-ahead log on, over the segments that the server keeps for reuse, too."""
    ((may, superuser),) = connection.execute(RIGHTS).fetchall()
    if superuser:
        connection.execute("vacuum (full) pg_catalog.pg_statistic")
    if not may:
        yield NO_RIGHTS
        return
    ((last,),) = connection.execute(SEGMENT).fetchall()
    connection.execute("select pg_switch_wal()")
    connection.execute("checkpoint")
    if not superuser:
        yield NO_SUPERUSER
        return
    _fill_reused(connection)
    connection.execute("checkpoint")
    if any(name <= last for (name,) in connection.execute(SEGMENTS).fetchall()):
        yield "a backup or a replica keeps segments of the write-ahead log: erase again once it is done"


def _fill_reused(connection: Connection[Row]) -> None:
    """Write over old segments that have got a name of the future."""
    segments = [name for (name,) in connection.execute(SEGMENTS).fetchall()]
    for _ in range(MOST_SEGMENTS):
        ((current,),) = connection.execute(SEGMENT).fetchall()
        if current > segments[-1]:
            return
        connection.execute(FILL)

"""SQL that reads the log as plain text in bounded memory, independent of the writers' code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from psycopg import Connection

from streams.audit.offline import Line

Row = tuple[Any, ...]
CHUNK = 5_000
_names = count(1)

TIME = """
    case when {0} >= '0001-01-01 00:00Z' and {0} < '10000-01-01 00:00Z'
         then to_char({0} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') end
"""
"""A time in its hashed form; null for values that Headwater cannot have written (infinity, years before 1)."""

LINES = f"""
    select context, partition, sequence, event_id::text, key, stream, version, name, subject, command_id::text,
           causation_id::text, correlation_id::text, actor, {TIME.format("at")}, data, hash
      from headwater.journal where context = coalesce(%s, context)
     order by context, partition, sequence
"""

HEADS = """
    select context, partition, sequence, hash from headwater.partitions where context = coalesce(%s, context)
     order by context, partition
"""

SIGNED = f"""
    select context, partition, sequence, hash, {TIME.format("signed_at")}, key, signature from headwater.signed_heads
     where context = coalesce(%s, context) order by context, partition, sequence
"""


class StoredHead(NamedTuple):
    """The end of a partition's log as the writers stored it."""

    sequence: int
    hash: bytes


class SignedHead(NamedTuple):
    """An Ed25519 signature over a partition's hash at a sequence, with the time of signing."""

    context: str
    partition: int
    sequence: int
    hash: bytes
    signed_at: str
    key: bytes
    signature: bytes


@contextmanager
def snapshot(connection: Connection[Row]) -> Iterator[None]:
    """A repeatable-read view of the database, for a block; rolls back at its end, writes included.

    The connection must be outside a transaction.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction isolation level repeatable read")
        yield


def rows(connection: Connection[Row], sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
    """The rows of a query, fetched in chunks of `CHUNK`; only within a transaction."""
    with connection.cursor(f"audit_{next(_names)}") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(sql.encode(), values)
        yield from cursor


def lines(connection: Connection[Row], context: str | None) -> Iterator[Line]:
    """The records of a context, or of all, in the order of the log."""
    return map(Line._make, rows(connection, LINES, (context,)))


def heads(connection: Connection[Row], context: str | None) -> dict[tuple[str, int], StoredHead]:
    """Each partition's stored head."""
    found = connection.execute(HEADS, (context,)).fetchall()
    return {(name, partition): StoredHead(sequence, hash_) for name, partition, sequence, hash_ in found}


def signed_heads(connection: Connection[Row], context: str | None) -> Iterator[SignedHead]:
    """The signed heads, in the order of the log; none without a table of signed heads."""
    if connection.execute("select to_regclass('headwater.signed_heads')").fetchone() == (None,):
        return iter(())
    return map(SignedHead._make, rows(connection, SIGNED, (context,)))

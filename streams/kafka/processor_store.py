"""PostgreSQL access of the processor: loads, checkpoints, keys of new subjects, snapshots and recorded halts."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence

import orjson
import psycopg
from psycopg import Connection

from streams.core.batch import Head, Loaded, Snapshot, Wants
from streams.core.keys import WrappedKey
from streams.core.partitions import partition_of
from streams.core.read_models import Row
from streams.kafka.types import Checkpoint, Place
from streams.postgres.database import COMMIT, Statement, connect_plain
from streams.postgres.journal import KEYS, Loads, add_new_keys

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
BY_INDEX = "set enable_seqscan = off"
"""Every query here uses an index. Without this, plans made while the tables were small are kept as they grow."""

ONE_SNAPSHOT = "begin isolation level repeatable read, read only"
SEQUENCES = Statement("select context, partition, sequence from headwater.partitions")
CHECKPOINT = "select next_offset, sequence, hash from headwater.partitions where context = %s and partition = %s"

REACH = """
    update headwater.partitions set next_offset = %s
     where context = %s and partition = %s and next_offset = %s and sequence = %s
"""

KEEP_SNAPSHOTS = """
    with current as (
        select p.context, p.partition from headwater.partitions p
          join json_to_recordset(%s::json) as e(context text, partition int, sequence bigint)
            on p.context = e.context and p.partition = e.partition and p.sequence <= e.sequence
         order by p.context, p.partition for share of p skip locked)
    insert into headwater.snapshots
    select s.context, s.stream, s.key, s.version, s.schema, s.state
      from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bytea[])
           as s(context, partition, stream, key, version, schema, state)
      join current c on c.context = s.context and c.partition = s.partition
        on conflict (context, stream) do update
       set version = excluded.version, schema = excluded.schema, state = excluded.state
"""

HALT = """
    insert into headwater.log_halts (context, partition, role, error) values (%s, %s, %s, %s)
        on conflict (context, partition, role) do update set error = excluded.error
"""
RESUME = "delete from headwater.log_halts where context = %s and partition = %s and role = %s"


def checkpoint_of(connection: Connection[Row], place: Place) -> Checkpoint:
    """Read a partition's checkpoint; raises LookupError when the database does not know the partition."""
    row = connection.execute(CHECKPOINT, place).fetchone()
    if row is None:
        raise LookupError(f"the database knows no partition {place[0]}/{place[1]}")
    next_offset, sequence, hash_ = row
    return Checkpoint(next_offset, Head(sequence, hash_))


class Store:
    """Blocking connection that reconnects by itself; every method raises psycopg.OperationalError while it cannot."""

    def __init__(self, dsn: str, application: str, log_ends: Mapping[Place, int] | None = None) -> None:
        self._dsn, self._application, self._log_ends = dsn, application, log_ends or {}
        self._connection: Connection[Row] | None = None
        self._next_try = 0.0

    def connected(self) -> Connection[Row]:
        """The open connection, reconnected if necessary; a server that is away is tried every `RETRY_SECONDS`."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            if time.monotonic() < self._next_try:
                raise psycopg.OperationalError("the database was away a moment ago")
            self._next_try = time.monotonic() + RETRY_SECONDS
            self._connection = connect_plain(self._dsn, self._application)
            self._connection.execute(BY_INDEX)
            self._next_try = 0.0
        return self._connection

    def close(self) -> None:
        """Close the connection, in any state."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def checkpoint(self, place: Place) -> Checkpoint:
        """Checkpoint of a partition; raises LookupError when the database does not know it."""
        return checkpoint_of(self.connected(), place)

    def keys(self, subjects: Sequence[str]) -> list[WrappedKey]:
        """Stored keys of these subjects, as they are now."""
        return [WrappedKey(*row) for row in self.connected().execute(KEYS, (list(subjects),)).fetchall()]

    def load(self, wants: Wants) -> tuple[dict[Place, int], Loaded]:
        """Load the projected sequences and what is wanted, all from one database snapshot."""
        loads = Loads.of(wants)
        sequences, *results = self._as_of_one_moment([SEQUENCES, *loads.statements])
        return {(context, partition): sequence for context, partition, sequence in sequences}, loads.loaded(results)

    def reach(self, place: Place, at: Checkpoint, end: int) -> bool:
        """Move a partition's checkpoint over what is no record; False when another projector has moved it."""
        moved = self.connected().execute(REACH, (end, *place, at.next_offset, at.head.sequence)).rowcount
        return moved == 1

    def sequences(self) -> dict[Place, int]:
        """Projected sequence of every partition."""
        rows = self.connected().execute(*SEQUENCES).fetchall()
        return {(context, partition): sequence for context, partition, sequence in rows}

    def add_keys(self, keys: Sequence[WrappedKey]) -> bool:
        """Store new keys; False when another process has stored a different key for one of the subjects, or when one
        may have a key that the database lacks."""
        self.connected().execute(*add_new_keys(keys, self._log_ends))
        return set(self.keys([key.subject for key in keys])) == set(keys)

    def keep_snapshots(self, snapshots: Sequence[Snapshot], ends: Mapping[Place, Head], partitions: int) -> None:
        """Store snapshots as of the heads in `ends`, except where the log has been projected further.

        Such a snapshot might hold values that were erased since. A partition that a projector has locked is skipped:
        the projector may be suspended, and snapshots are a cache.
        """
        rows = [
            {"context": context, "partition": partition, "sequence": head.sequence}
            for (context, partition), head in ends.items()
        ]
        columns = [
            [one.context for one in snapshots],
            [partition_of(one.key, partitions) for one in snapshots],
            [one.stream for one in snapshots],
            [one.key for one in snapshots],
            [one.version for one in snapshots],
            [one.schema for one in snapshots],
            [one.state for one in snapshots],
        ]
        self.connected().execute(KEEP_SNAPSHOTS, [orjson.dumps(rows).decode(), *columns])

    def halt(self, place: Place, role: str, error: str) -> None:
        """Record that this role has halted at this partition, and why."""
        self.connected().execute(HALT, (*place, role, error))

    def resume(self, place: Place, role: str) -> None:
        """Delete the record of a halt."""
        self.connected().execute(RESUME, (*place, role))

    def halted(self, role: str) -> set[Place]:
        """Places at which this role is recorded as halted."""
        rows = self.connected().execute("select context, partition from headwater.log_halts where role = %s", (role,))
        return {(context, partition) for context, partition in rows}

    def _as_of_one_moment(self, statements: Sequence[Statement]) -> list[list[Row]]:
        connection = self.connected()
        with connection.pipeline():
            connection.execute(ONE_SNAPSHOT)
            cursors = [connection.execute(sql, params) for sql, params in statements]
            connection.execute(COMMIT.sql)
            return [cursor.fetchall() for cursor in cursors]

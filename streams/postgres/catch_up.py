"""Catch-up of one projection's table with the journal, from its checkpoints on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from psycopg import Connection
from psycopg.pq import TransactionStatus

from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased
from streams.postgres.database import write_plain
from streams.postgres.journal import COLUMNS, KEY_OF_RECORD, KeyedRecord
from streams.postgres.projection_tables import Active, Halt, blanked, changes_of, halted, written

log = logging.getLogger(__name__)

CHUNK = 5_000

NEXT_RECORDS = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped
      from headwater.projection_checkpoints c
      cross join lateral (select * from headwater.journal j where j.context = %s and j.partition = c.partition
                              and j.sequence > c.sequence order by j.sequence limit %s) j
      left join headwater.subject_keys k on {KEY_OF_RECORD}
     where c.table_name = %s and c.partition = %s
     order by j.sequence
"""

MOVE = """
    update headwater.projection_checkpoints set sequence = %s where table_name = %s and partition = %s and sequence = %s
"""

Progress = Callable[[int], None]


class RebuildFailed(Exception):
    """A record of the journal that could not be read, or that `project` raised on, during a rebuild."""


class Overtaken(Exception):
    """Another process works on the projection, or projected the same records meanwhile. Nothing was written twice."""


def catch_up(connection: Connection[Row], active: Active, mapper: Mapper, progress: Progress = lambda _: None) -> None:
    """Project the journal's records beyond the table's checkpoints, in transactions of `CHUNK` records.

    When a record cannot be read or the projection raises on it, records the halt and raises RebuildFailed. Raises
    Overtaken when another process moves the checkpoints meanwhile.
    """
    while moved := sum(step(connection, active, mapper, partition) for partition in partitions_of(connection, active)):
        progress(moved)


def missing(connection: Connection[Row], active: Active) -> int:
    """The number of journal records that the table has not projected."""
    row = connection.execute(
        "select coalesce(sum(p.sequence - c.sequence), 0)::bigint from headwater.projection_checkpoints c"
        " join headwater.partitions p on p.context = %s and p.partition = c.partition where c.table_name = %s",
        (active.projection.context, active.id),
    ).fetchone()
    return int(row[0]) if row else 0


def partitions_of(connection: Connection[Row], active: Active) -> list[int]:
    rows = connection.execute(
        "select partition from headwater.projection_checkpoints where table_name = %s order by 1", (active.id,)
    )
    return [row[0] for row in rows]


def step(connection: Connection[Row], active: Active, mapper: Mapper, partition: int) -> int:
    rows = connection.execute(NEXT_RECORDS, (active.projection.context, CHUNK, active.id, partition)).fetchall()
    if not rows:
        return 0
    recorded = _readable(active, mapper, rows)
    if isinstance(recorded, Halt):
        raise _record_halt(connection, recorded)
    changes = changes_of(active, recorded)
    if isinstance(changes, Halt):
        raise _record_halt(connection, changes)
    first, last = recorded[0].record.sequence, recorded[-1].record.sequence
    with connection.transaction():
        for sql, params in (*written(active, changes), *blanked(active, _erased(recorded))):
            connection.execute(sql.encode(), params)
        if connection.execute(MOVE, (last, active.id, partition, first - 1)).rowcount != 1:
            raise Overtaken(f"another process projected into {active.id} meanwhile; nothing was written")
    return len(rows)


def _readable(active: Active, mapper: Mapper, rows: Iterable[Row]) -> list[Recorded[Event]] | Halt:
    recorded: list[Recorded[Event]] = []
    for row in rows:
        try:
            recorded += decoded(mapper, [row])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a record, it halts this table and no other
            record = KeyedRecord.of(row).record
            log.warning("%s cannot be read: %s", record.position, type(error).__name__)
            return Halt(active.id, str(record.position), f"{record.name}: {type(error).__name__}: cannot be read")
    return recorded


def _erased(recorded: Iterable[Recorded[Event]]) -> list[str]:
    return [one.fact.erased for one in recorded if isinstance(one.fact, SubjectErased)]


def _record_halt(connection: Connection[Row], halt: Halt) -> RebuildFailed:
    if connection.info.transaction_status == TransactionStatus.IDLE:
        write_plain(connection, [halted(halt)])
    return RebuildFailed(f"{halt.error} at {halt.position}")


def decoded(mapper: Mapper, rows: Iterable[Row]) -> Iterator[Recorded[Event]]:
    """Recorded events from journal rows that end with the two key columns."""
    for record, has_key, wrapped in map(KeyedRecord.of, rows):
        if has_key:
            mapper.keyring.learn(WrappedKey(record.key_subject, wrapped))
        yield Recorded(mapper.decode_as(Event, record.name, record.data, record.subject), record)

"""Past states of read models, their differences, and the events behind a row, by the live `project` functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row

from domain.messages import Event
from streams.audit.facts import Facts
from streams.audit.journal_source import CHUNK, Row, snapshot
from streams.core.envelope import Position, Recorded
from streams.core.read_models import Change, ReadModel
from streams.postgres.installation import projection_of
from streams.postgres.projection_tables import Active, Halt, changes_of, written

Until = Position | datetime | None
"""End of reading. A time: every record up to that time, inclusive. A position: its partition up to there, the others up
to its record's time, since time is the only order across partitions. None: everything."""

Rows = dict[tuple[Any, ...], dict[str, Any]]

COLUMN_TYPES = """
    select attname, format_type(atttypid, atttypmod) from pg_attribute
     where attrelid = %s::regclass and attnum > 0 and not attisdropped
"""
TIME_OF = "select at from headwater.journal where context = %s and partition = %s and sequence = %s"


class CannotProject(Exception):
    """A read model's `project` raised on an event of the journal."""


class Difference(NamedTuple):
    """A row that differs: its two versions (None where it is absent) and the names of the changed columns."""

    key: tuple[Any, ...]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    columns: tuple[str, ...]


class Touch(NamedTuple):
    """An event that changed a row, with its changes."""

    event: Recorded[Event]
    changes: tuple[Change, ...]


def as_of(connection: Connection[Row], facts: Facts, context: str, model: ReadModel, until: Until = None) -> Rows:
    """The read model's rows by key at that point, built in a temporary table from the model's DDL.

    The connection must be outside a transaction. Raises CannotProject, LookupError when the position has no record,
    ValueError for a time without a zone or a position of another context, and what `Facts` raises.
    """
    table = f"pg_temp.{model.name}"
    with snapshot(connection):
        connection.execute(model.ddl.format(table=table).encode())
        types: dict[str, str] = dict(connection.execute(COLUMN_TYPES, (table,)).fetchall())
        active = Active(projection_of(context, model), table, types)
        events = facts.select(connection, *_until(connection, context, until))
        while some := list(islice(events, CHUNK)):
            _apply(connection, active, some)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"select * from {table}".encode()).fetchall()
    return {tuple(row[column] for column in model.key): row for row in found}


def _apply(connection: Connection[Row], active: Active, events: Sequence[Recorded[Event]]) -> None:
    changes = changes_of(active, events)
    if isinstance(changes, Halt):
        raise CannotProject(f"{changes.error} at {changes.position}")
    for sql, params in written(active, changes):
        connection.execute(sql.encode(), params)


def _until(connection: Connection[Row], context: str, until: Until) -> tuple[str, list[Any]]:
    order = "order by j.context, j.partition, j.sequence"
    if until is None:
        return f"where j.context = %s {order}", [context]
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise ValueError("a time needs its zone")
        return f"where j.context = %s and j.at <= %s {order}", [context, until]
    if until.context != context:
        raise ValueError(f"{until} is not a position of {context}")
    found = connection.execute(TIME_OF, tuple(until)).fetchone()
    if found is None:
        raise LookupError(f"there is no record at {until}")
    where = "where j.context = %s and case when j.partition = %s then j.sequence <= %s else j.at <= %s end"
    return f"{where} {order}", [context, until.partition, until.sequence, found[0]]


def difference(before: Rows, after: Rows) -> list[Difference]:
    """The differences between two states of a read model: added rows, then changed ones, then deleted ones."""
    came = [Difference(key, None, row, tuple(row)) for key, row in after.items() if key not in before]
    gone = [Difference(key, row, None, tuple(row)) for key, row in before.items() if key not in after]
    both = [(key, row, after[key]) for key, row in before.items() if key in after]
    changed = [
        Difference(key, old, new, tuple(column for column in new if old[column] != new[column]))
        for key, old, new in both
        if old != new
    ]
    return came + changed + gone


def diff(
    connection: Connection[Row], facts: Facts, context: str, model: ReadModel, before: Until, after: Until
) -> list[Difference]:
    """The differences of a read model between two positions or times; raises what `as_of` raises."""
    first = as_of(connection, facts, context, model, before)
    return difference(first, as_of(connection, facts, context, model, after))


def events_behind(
    connection: Connection[Row], facts: Facts, context: str, model: ReadModel, key: Sequence[Any], until: Until = None
) -> list[Touch]:
    """The events that changed the row with this key, in the order of the log.

    The key's values may be strings. Reads the whole context; raises what `as_of` raises.
    """
    wanted = tuple(map(str, key))
    with snapshot(connection):
        events = facts.select(connection, *_until(connection, context, until))
        return list(_touches(Active(projection_of(context, model), model.name, {}), events, wanted))


def _touches(active: Active, events: Iterator[Recorded[Event]], key: tuple[str, ...]) -> Iterator[Touch]:
    for event in events:
        changes = changes_of(active, [event])
        if isinstance(changes, Halt):
            raise CannotProject(f"{changes.error} at {changes.position}")
        touching = tuple(change for change in changes if tuple(map(str, change.key)) == key)
        if touching:
            yield Touch(event, touching)


def dossier(connection: Connection[Row], facts: Facts, subject: str, keys: Sequence[str] = ()) -> list[Recorded[Event]]:
    """All records about a data subject (`context:id`), including the erasure, in the order of time.

    That is what names the subject, and everything under these partition keys of its context, which are wholly the
    subject's: older releases named a person only in records with personal values.
    """
    where = """where j.subject = %s or (j.context = %s and (j.stream = %s or j.key = any(%s)))
               order by j.at, j.context, j.partition, j.sequence"""
    values = [subject, subject.partition(":")[0], f"subject/{subject}", list(keys)]
    with snapshot(connection):
        return list(facts.select(connection, where, values))

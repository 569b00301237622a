"""The registry of projections (tables, versions, states), and the SQL that applies a batch's events to their tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any

import orjson

from streams.core.batch import Batch
from streams.core.envelope import Recorded
from streams.core.read_models import Add, Change, Delete, Project, Put, Row, RowChange, Set, fold
from streams.postgres.database import Statement
from streams.postgres.journal import Advance

log = logging.getLogger(__name__)

REGISTERED = """
    select p.table_name, p.name, p.version, p.context, p.state, p.halted_at, p.error, p.subject, p.personal,
           (select coalesce(json_object_agg(c.partition, c.sequence), '{}')
              from headwater.projection_checkpoints c where c.table_name = p.table_name)
      from headwater.projections p order by p.name, p.version, p.table_name
"""

COLUMN_TYPES = """
    select n.nspname || '.' || r.relname, a.attname, format_type(a.atttypid, a.atttypmod)
      from pg_attribute a join pg_class r on r.oid = a.attrelid join pg_namespace n on n.oid = r.relnamespace
     where n.nspname in ('read_models', 'headwater') and r.relkind = 'r' and a.attnum > 0 and not a.attisdropped
"""

EPOCH = "select epoch from headwater.installation"

MOVE_CHECKPOINTS = "select headwater.projected(%s::json, %s::text[])"

HALT = "update headwater.projections set halted_at = %s, error = %s where table_name = %s"


@dataclass(frozen=True, slots=True)
class Projection:
    """A function from events to row changes of one table: a read model, or a context's reactions."""

    name: str
    version: int
    context: str
    key: tuple[str, ...]
    project: Project
    subject: str | None = None
    personal: tuple[str, ...] = ()
    keep_existing: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """A projection's row in the registry. `checkpoints` maps a partition to the last sequence projected."""

    table: str
    name: str
    version: int
    context: str
    state: str
    halted_at: str | None
    error: str | None
    subject: str | None
    personal: Sequence[str]
    checkpoints: Mapping[int, int]

    @classmethod
    def of(cls, row: Row) -> Registered:
        table, name, version, context, state, halted_at, error, subject, personal, checkpoints = row
        sequences = {int(partition): sequence for partition, sequence in checkpoints.items()}
        return cls(table, name, version, context, state, halted_at, error, subject, personal, sequences)


@dataclass(frozen=True, slots=True)
class Active:
    """A projection applied to every batch, with its registry id and its table's column types.

    The id is the table's name, followed by `:context` where contexts share a table.
    """

    projection: Projection
    id: str
    types: Mapping[str, str]

    @property
    def table(self) -> str:
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class IdleTable:
    """A table that batches do not write now: halted, retired, or being built. An erasure reaches it all the same."""

    table: str
    context: str
    subject: str
    personal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """A projection's stop at the event it raised on. Other projections go on."""

    table: str
    position: str
    error: str


@dataclass(slots=True)
class Projected:
    """A batch's effect on the tables: statements per table, failed projections, due times of new tasks.

    `erasures` are on tables that take no other part in the batch.
    """

    parts: list[tuple[str, list[Statement]]] = field(default_factory=list)
    erasures: list[Statement] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    due: list[datetime] = field(default_factory=list)


class Projections:
    """The projections that a writer maintains, as registered at `epoch`."""

    def __init__(self, known: Sequence[Projection]) -> None:
        self._known = {(projection.name, projection.version): projection for projection in known}
        self.active: list[Active] = []
        self.idle: list[IdleTable] = []
        self.epoch = 0

    LOAD = (Statement(EPOCH), Statement(REGISTERED), Statement(COLUMN_TYPES))

    def learn(self, results: Sequence[Sequence[Row]]) -> None:
        """Activate the live and shadow tables found by `LOAD` that this program knows and that are not halted."""
        ((self.epoch,),), registered, columns = results[0], results[1], results[2]
        types = columns_of(columns)
        rows = [Registered.of(row) for row in registered]
        self.active = [
            Active(self._known[row.name, row.version], row.table, types[row.table.partition(":")[0]])
            for row in rows
            if row.state in ("live", "shadow") and row.halted_at is None and (row.name, row.version) in self._known
        ]
        written = {active.id for active in self.active}
        self.idle = [idle for row in rows if row.table not in written for idle in _idle(row, types.get(row.table, {}))]

    def project(self, batch: Batch) -> Projected:
        """The statements that apply the batch to every active table. A failing projection is halted alone."""
        subjects = [subject for _, _, subject in batch.erased]
        projected = Projected(erasures=[one for idle in self.idle for one in _blanked(idle, subjects)])
        by_context = _by_context(batch.recorded)
        for active in self.active:
            recorded = by_context.get(active.projection.context, [])
            if not recorded and not subjects:
                continue
            changes = changes_of(active, recorded)
            if isinstance(changes, Halt):
                projected.halts.append(changes)
                continue
            statements = written(active, changes) + blanked(active, subjects)
            projected.parts.append((active.id, statements))
            if active.projection.keep_existing:
                projected.due += list(_due(changes))
        return projected

    def without(self, halts: Iterable[Halt]) -> None:
        """Deactivate halted projections. Call it once the halts are committed."""
        halted = {halt.table for halt in halts}
        self.idle += [idle for active in self.active if active.id in halted for idle in _idle_of(active)]
        self.active = [active for active in self.active if active.id not in halted]


def _by_context(recorded: Iterable[Recorded[Any]]) -> dict[str, list[Recorded[Any]]]:
    """A batch is mostly of one context, and most tables are of others: those need not look at every event."""
    events: dict[str, list[Recorded[Any]]] = {}
    for one in recorded:
        events.setdefault(one.record.context, []).append(one)
    return events


def changes_of(active: Active, recorded: Sequence[Recorded[Any]]) -> list[Change] | Halt:
    """The row changes from the events of the projection's context, or the halt where `project` raised."""
    changes: list[Change] = []
    for one in recorded:
        if one.record.context != active.projection.context:
            continue
        try:
            changes.extend(active.projection.project(one))
        except Exception as error:
            log.exception("projection %s halted at %s (%s)", active.projection.name, one.position, one.record.name)
            return Halt(active.id, str(one.position), f"{one.record.name}: {type(error).__name__} in {_place(error)}")
    return changes


def _place(error: Exception) -> str:
    """The line of code that raised. An exception's text may quote a value, and a halt stays where no erasure looks."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _due(changes: Sequence[Change]) -> Iterator[datetime]:
    for change in changes:
        if not isinstance(change, Delete) and "due_at" in change.columns:
            yield change.columns["due_at"]


def written(active: Active, changes: Sequence[Change]) -> list[Statement]:
    """The changes, merged per row, as set-wise statements on the table."""
    return [statement for step in fold(changes) for statement in _written(active, step)]


def checkpoints(heads: Advance, tables: Sequence[str]) -> Statement:
    """The statement that advances these tables' checkpoints to the end of the batch."""
    ends = [{"context": c, "partition": p, "sequence": after.sequence} for (c, p), (_, after) in heads.items()]
    return Statement(MOVE_CHECKPOINTS, [orjson.dumps(ends).decode(), list(tables)])


def halted(halt: Halt) -> Statement:
    """The statement that records a halt. The table's checkpoint does not move."""
    return Statement(HALT, [halt.position, halt.error, halt.table])


def blanked(active: Active, subjects: Sequence[str]) -> list[Statement]:
    """The statements that set erased persons' columns to null."""
    return [statement for idle in _idle_of(active) for statement in _blanked(idle, subjects)]


def columns_of(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """The types of each table's columns, from the rows of `COLUMN_TYPES`."""
    types: dict[str, dict[str, str]] = {}
    for table, column, type_ in rows:
        types.setdefault(table, {})[column] = type_
    return types


def blanked_of_erased(row: Registered, columns: Mapping[str, str]) -> list[Statement]:
    """The statements that set a registered table's personal columns to null for everybody erased so far."""
    return [
        Statement(
            f"update {idle.table} set {_nulls(idle)} where {idle.subject}::text in (select substr(subject, %s)"
            " from headwater.subject_keys where wrapped is null and starts_with(subject, %s))",
            [len(idle.context) + 2, f"{idle.context}:"],
        )
        for idle in _idle(row, columns)
    ]


def emptied(row: Registered, columns: Mapping[str, str]) -> list[Statement]:
    """The statements that empty a table's personal columns, if it does not say whose they are."""
    personal = [column for column in row.personal if column in columns]
    if not personal or row.subject in columns:
        return []
    return [Statement(f"update {row.table} set {', '.join(f'{column} = null' for column in personal)}")]


def _nulls(table: IdleTable) -> str:
    return ", ".join(f"{column} = null" for column in table.personal)


def _idle_of(active: Active) -> list[IdleTable]:
    projection = active.projection
    if projection.subject is None:
        return []
    return [IdleTable(active.table, projection.context, projection.subject, tuple(projection.personal))]


def _idle(row: Registered, columns: Mapping[str, str]) -> list[IdleTable]:
    """Of a table made by older code, only the columns that it has."""
    personal = tuple(column for column in row.personal if column in columns)
    if row.subject not in columns or not personal:
        return []
    return [IdleTable(row.table, row.context, str(row.subject), personal)]


def ids_in(subjects: Sequence[str], context: str) -> list[str]:
    """The ids of those subjects (`context:id`) that are of this context."""
    return [id_ for place, _, id_ in (subject.partition(":") for subject in subjects) if place == context]


def _blanked(table: IdleTable, subjects: Sequence[str]) -> list[Statement]:
    ids = ids_in(subjects, table.context)
    if not ids or not table.personal:
        return []
    return [Statement(f"update {table.table} set {_nulls(table)} where {table.subject}::text = any(%s)", [ids])]


def _written(active: Active, rows: Mapping[tuple[Any, ...], RowChange]) -> list[Statement]:
    shapes: dict[tuple[type[Change], tuple[str, ...]], list[dict[str, Any]]] = {}
    key = active.projection.key
    for values, row in rows.items():
        line = dict(zip(key, values, strict=True)) | row.columns
        shapes.setdefault((row.kind, tuple(row.columns)), []).append(line)
    return [
        Statement(_sql(active, kind, columns), [orjson.dumps(lines).decode()])
        for (kind, columns), lines in shapes.items()
    ]


def _sql(active: Active, kind: type[Change], columns: tuple[str, ...]) -> str:
    key, table = active.projection.key, active.table
    every = (*key, *columns)
    source = f"json_to_recordset(%s::json) as r({', '.join(f'{c} {active.types[c]}' for c in every)})"
    same = " and ".join(f"t.{c} = r.{c}" for c in key)
    if kind is Delete:
        return f"delete from {table} t using {source} where {same}"
    if kind is Set:
        return f"update {table} t set {', '.join(f'{c} = r.{c}' for c in columns)} from {source} where {same}"
    insert = f"insert into {table} as t ({', '.join(every)}) select {', '.join(every)} from {source}"
    return f"{insert} on conflict ({', '.join(key)}) do {_on_conflict(active, kind, columns)}"


def _on_conflict(active: Active, kind: type[Change], columns: tuple[str, ...]) -> str:
    if active.projection.keep_existing or not columns:
        return "nothing"
    if kind is Put:
        return "update set " + ", ".join(f"{c} = excluded.{c}" for c in columns)
    assert kind is Add
    return "update set " + ", ".join(f"{c} = t.{c} + excluded.{c}" for c in columns)

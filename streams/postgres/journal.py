"""SQL of the journal: the statements that load what a batch wants and write what a batch decided.

This module builds statements and parses their results; the runtimes execute them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from streams.core.batch import Batch, Head, History, KnownOutcome, Loaded, Snapshot, Wants
from streams.core.envelope import OUTCOMES as OUTCOME_CATEGORY
from streams.core.envelope import Record, outcome_stream
from streams.core.keys import WrappedKey
from streams.core.read_models import Row
from streams.postgres.database import Statement
from streams.postgres.object_rows import forget_subject

COLUMNS = ", ".join(f"j.{column}" for column in Record._fields)

KEY_OF_RECORD = "k.subject = coalesce(j.subject, j.context || ':' || j.key)"
"""Join of a journal record with its subject's key, in the alias `k`; see `Record.key_subject`."""

OUTCOMES = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped
      from (select distinct * from json_to_recordset(%s::json) as r(context text, stream text)) w
      cross join lateral (
        select context, partition, sequence, (convert_from(data, 'UTF8')::json ->> 'events')::int as events
          from headwater.journal where context = w.context and stream = w.stream and version = 1 offset 0) o
      cross join lateral (
        select * from headwater.journal where context = o.context and partition = o.partition
                                          and sequence between o.sequence - o.events and o.sequence offset 0) j
      left join headwater.subject_keys k on {KEY_OF_RECORD}
     order by j.context, j.partition, j.sequence
"""
"""Outcomes with their commands' events.

`offset 0` forces one index lookup per command: a hash join over the journal takes seconds to minutes.
"""

SNAPSHOTS = """
    select s.context, s.stream, s.key, s.version, s.schema, s.state
      from json_to_recordset(%s::json) as w(context text, stream text, schema text)
      join headwater.snapshots s using (context, stream, schema)
"""

HISTORIES = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped
      from json_to_recordset(%s::json) as w(context text, stream text, schema text)
      left join headwater.snapshots s using (context, stream, schema)
      cross join lateral (
        select * from headwater.journal where context = w.context and stream = w.stream
                                          and version > coalesce(s.version, 0) offset 0) j
      left join headwater.subject_keys k on {KEY_OF_RECORD}
     order by j.context, j.stream, j.version
"""

KEYS = "select subject, wrapped from headwater.subject_keys where subject = any(%s::text[])"

APPEND = "select headwater.append(%s::json, %s, %s::json, %s::text[])"

ADD_KEYS = "select headwater.add_keys(%s::json)"

ADD_NEW_KEYS = """
    insert into headwater.subject_keys (subject, wrapped)
    select n.subject, n.wrapped from unnest(%s::text[], %s::bytea[]) as n(subject, wrapped)
     where not exists (select from headwater.journal j
                        where j.subject = n.subject and position('{"personal":"'::bytea in j.data) > 0)
       and not exists (select from json_to_recordset(%s::json) as e(context text, partition int, until bigint)
                         join headwater.partitions p using (context, partition) where p.next_offset < e.until)
        on conflict (subject) do nothing
"""
"""Only for subjects without encrypted records, and only once the database covers the log up to the given ends.

The journal of a database restored from a backup lacks the newest records, and the database their subjects' keys.
"""

ADD_SNAPSHOTS = """
    insert into headwater.snapshots
    select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bytea[])
        on conflict (context, stream) do update
       set version = excluded.version, schema = excluded.schema, state = excluded.state
"""

DESTROY_KEY = """
    insert into headwater.subject_keys (subject, wrapped, destroyed_at) values (%s, null, %s)
        on conflict (subject) do update set wrapped = null,
                                            destroyed_at = least(subject_keys.destroyed_at, excluded.destroyed_at)
"""

KEYS_ABOUT = f"""
    select distinct context, key from headwater.journal
     where subject = %s and not starts_with(stream, '{OUTCOME_CATEGORY}/') order by 1, 2
"""
"""Contexts and partition keys of all events that name this subject. Outcomes fold into no state."""

FORGET_SNAPSHOTS = "delete from headwater.snapshots where context = %s and key = %s"

Advance = Mapping[tuple[str, int], tuple[Head, Head]]
Offsets = Mapping[tuple[str, int], int]


class Loads(NamedTuple):
    """The statements that load a batch's wants. Empty wants get no statement: even an empty result costs time."""

    wants: Wants
    statements: list[Statement]

    @classmethod
    def of(cls, wants: Wants) -> Loads:
        statements = []
        if wants.outcomes:
            statements.append(outcomes(wants.outcomes))
        if wants.streams:
            named = [
                {"context": context, "stream": stream, "schema": schema} for context, stream, schema in wants.streams
            ]
            lines = orjson.dumps(named).decode()
            statements += [Statement(SNAPSHOTS, [lines]), Statement(HISTORIES, [lines])]
        if wants.subjects:
            statements.append(Statement(KEYS, [wants.subjects]))
        return cls(wants, statements)

    def loaded(self, results: Sequence[Sequence[Row]]) -> Loaded:
        """The loaded state, parsed from the statements' results."""
        left = iter(results)
        outcomes = next(left) if self.wants.outcomes else []
        snapshots, histories = (next(left), next(left)) if self.wants.streams else ([], [])
        return loaded([outcomes, snapshots, histories, next(left) if self.wants.subjects else []])


class KeyedRecord(NamedTuple):
    """A journal record with its subject's stored key, if `has_key`; `wrapped` is None once the key is destroyed."""

    record: Record
    has_key: bool
    wrapped: bytes | None

    @classmethod
    def of(cls, row: Row) -> KeyedRecord:
        """From a row of COLUMNS followed by the two key columns."""
        *record, has_key, wrapped = row
        return cls(Record(*record), has_key, wrapped)


def outcomes(wanted: Iterable[tuple[str, UUID]]) -> Statement:
    """The statement that loads the outcomes of commands, by (context, command id). Undecided commands give no rows."""
    lines = [{"context": context, "stream": outcome_stream(command_id)} for context, command_id in wanted]
    return Statement(OUTCOMES, [orjson.dumps(lines).decode()])


def loaded(results: Sequence[Sequence[Row]]) -> Loaded:
    """The loaded state, parsed from the results of OUTCOMES, SNAPSHOTS, HISTORIES and KEYS, in this order."""
    outcomes, snapshots, histories, keys = results
    found = [WrappedKey(*row) for row in keys]
    found += [_key_in(KeyedRecord.of(row)) for row in (*outcomes, *histories) if row[-2]]
    return Loaded(_outcomes(outcomes), _histories(snapshots, histories), found)


def _key_in(stored: KeyedRecord) -> WrappedKey:
    return WrappedKey(stored.record.key_subject, stored.wrapped)


def _outcomes(rows: Iterable[Row]) -> dict[UUID, KnownOutcome]:
    by_command: dict[UUID, list[Record]] = {}
    for row in rows:
        record = Record(*row[:-2])
        by_command.setdefault(record.command_id, []).append(record)
    return {command: KnownOutcome(records[-1], records[:-1]) for command, records in by_command.items()}


def _histories(snapshots: Iterable[Row], rows: Iterable[Row]) -> dict[tuple[str, str], History]:
    kept = {(row[0], row[1]): Snapshot(*row) for row in snapshots}
    records: dict[tuple[str, str], list[Record]] = {name: [] for name in kept}
    for row in rows:
        record = Record(*row[:-2])
        records.setdefault((record.context, record.stream), []).append(record)
    return {name: History(found, kept.get(name)) for name, found in records.items()}


def append(batch: Batch, epoch: int, tables: Sequence[str], offsets: Offsets | None = None) -> Statement:
    """The statement that appends a batch's records and advances the partitions' heads and the tables' checkpoints.

    Fails with SQLSTATE ZH001 when fenced, ZH002 when the set of projections has changed (see `schema`).
    """
    lines = journal_lines(recorded.record for recorded in batch.recorded)
    return Statement(APPEND, [_heads(batch.heads, offsets), epoch, lines, list(tables)])


def kept(batch: Batch) -> list[Statement]:
    """The statements that store a batch's keys, snapshots and erasures."""
    statements = []
    if batch.keys:
        statements.append(add_keys(batch.keys))
    if batch.snapshots:
        statements.append(Statement(ADD_SNAPSHOTS, _transposed(list(batch.snapshots.values()), 6)))
    for context, key, subject in batch.erased:
        at = next(r.record.at for r in batch.recorded if getattr(r.fact, "erased", None) == subject)
        statements += erasure(context, key, subject, at)
    return statements


def erasure(context: str, key: str, subject: str, at: datetime) -> list[Statement]:
    """The statements that destroy a subject's key, and remove snapshots and sealed bytes with the subject's values."""
    forgotten = Statement(FORGET_SNAPSHOTS, [context, key])
    return [Statement(DESTROY_KEY, [subject, at]), forgotten, *forget_subject(subject)]


def add_keys(keys: Sequence[WrappedKey]) -> Statement:
    """The statement that stores new subjects' keys.

    Fails with SQLSTATE ZH004 when one has been stored meanwhile, as with an object: values must be sealed anew.
    """
    lines = [{"subject": key.subject, "wrapped": None if key.wrapped is None else key.wrapped.hex()} for key in keys]
    return Statement(ADD_KEYS, [orjson.dumps(lines).decode()])


def add_new_keys(keys: Sequence[WrappedKey], ends: Mapping[tuple[str, int], int]) -> Statement:
    """The statement that stores keys of new subjects, for a log that is not in the database (see ADD_NEW_KEYS)."""
    until = [{"context": context, "partition": number, "until": end} for (context, number), end in ends.items()]
    return Statement(ADD_NEW_KEYS, [*_transposed(keys, 2), orjson.dumps(until).decode()])


def _heads(heads: Advance, offsets: Offsets | None) -> str:
    lines = [
        {
            "context": context,
            "partition": partition,
            "old_sequence": before.sequence,
            "old_hash": before.hash.hex(),
            "sequence": after.sequence,
            "hash": after.hash.hex(),
            "next_offset": (offsets or {}).get((context, partition)),
        }
        for (context, partition), (before, after) in heads.items()
    ]
    return orjson.dumps(lines).decode()


def journal_lines(records: Iterable[Record]) -> str:
    """Records as one JSON parameter, which PostgreSQL parses far faster than sixteen arrays."""
    return orjson.dumps([_line(record) for record in records]).decode()


def _line(record: Record) -> dict[str, Any]:
    line = record._asdict()
    line["data"] = record.data.decode()
    line["hash"] = record.hash.hex()
    return line


def _transposed(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]

"""Refold of every stream with the current code. Decisions are not replayed: events are enough for states.

It proves that every event is readable, that every state folds to its end, that the snapshots from which decisions
start match the events (no hash covers them), and that each outcome has as many events as it states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from psycopg import Connection

from streams.audit.facts import Facts
from streams.audit.journal_source import CHUNK, Row, rows, snapshot
from streams.core.envelope import OUTCOME_NAMES, OUTCOMES, Position, Record
from streams.core.wiring import SUBJECT_STREAM, Context, Stream
from streams.postgres.journal import COLUMNS, KEY_OF_RECORD, KeyedRecord

HISTORIES = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped, s.schema, s.state
      from headwater.journal j
      left join headwater.subject_keys k on {KEY_OF_RECORD}
      left join headwater.snapshots s on s.context = j.context and s.stream = j.stream and s.version = j.version
     where j.context = %s and not starts_with(j.stream, %s)
     order by j.context, j.stream, j.version
"""
"""Ordered by stream, so only one state is in memory at a time."""

MISCOUNTED = """
    with counted as (
        select context, partition, sequence, name, data, command_id,
               count(*) filter (where name <> all(%s)) over (partition by context, command_id) as events
          from headwater.journal where context = %s)
    select context, partition, sequence, events from counted
     where case when name = any(%s) then (convert_from(data, 'UTF8')::json ->> 'events')::bigint <> events
                else false end
     order by context, partition, sequence limit 1
"""


class HistoryRow(NamedTuple):
    """A row of HISTORIES: the stored record, and the snapshot at its version (None without one)."""

    stored: KeyedRecord
    schema: str | None
    snapshot: bytes | None

    @classmethod
    def of(cls, row: Row) -> HistoryRow:
        *stored, schema, state = row
        return cls(KeyedRecord.of(tuple(stored)), schema, state)


@dataclass(slots=True)
class Refolded:
    """Result of a refold: counts, and the first faulty stream or outcome in `fault`; `faults` counts them all.

    `snapshots` counts the compared ones: none without the master key, since states hold personal values.
    """

    streams: int = 0
    events: int = 0
    snapshots: int = 0
    faults: int = 0
    fault: tuple[Position, str] | None = None

    def wrong(self, position: Position, reason: str) -> None:
        self.faults += 1
        self.fault = self.fault or (position, reason)


class Unfoldable(Exception):
    """A stream that cannot be folded to its end, or whose snapshot differs from the fold."""


def refold(
    connection: Connection[Row], facts: Facts, contexts: Sequence[Context], progress: Callable[[int], None]
) -> Refolded:
    """Fold every stream of these contexts, and count the events of every outcome.

    The connection must be outside a transaction. `progress` receives the number of newly folded events.
    """
    found = Refolded()
    with snapshot(connection):
        for context in contexts:
            streams = streams_of(context)
            histories = rows(connection, HISTORIES, (context.name, f"{OUTCOMES}/"))
            for _, history in groupby(map(HistoryRow.of, histories), key=lambda row: row.stored.record.stream):
                _refold(facts, streams, _watched(history, found, progress), found)
            _check_outcomes(connection, context.name, found)
    progress(found.events % CHUNK)
    return found


def streams_of(context: Context) -> Mapping[str, Stream[Any]]:
    """The stream types of a context by category."""
    streams = [stream for handler in context.handlers for stream in (handler.writes, *handler.reads)]
    return {stream.category: stream for stream in (SUBJECT_STREAM, *streams)}


def _watched(history: Iterator[HistoryRow], found: Refolded, progress: Callable[[int], None]) -> Iterator[HistoryRow]:
    found.streams += 1
    for row in history:
        found.events += 1
        if found.events % CHUNK == 0:
            progress(CHUNK)
        yield row


def _refold(facts: Facts, streams: Mapping[str, Stream[Any]], history: Iterator[HistoryRow], found: Refolded) -> None:
    state: Any = None
    for row in history:
        record = row.stored.record
        try:
            stream = _stream_of(streams, record)
            before = stream.initial if state is None else state
            state = stream.evolve(before, facts.read(row.stored).fact)
            found.snapshots += facts.opened and _compared(stream, state, row.schema, row.snapshot)
        except Exception as error:  # noqa: BLE001 - any error of a context's code is a finding
            found.wrong(record.position, f"{record.name}: {type(error).__name__}: {error}")
            break
    for _ in history:
        pass  # counts the rest of the stream, which cannot be folded


def _stream_of(streams: Mapping[str, Stream[Any]], record: Record) -> Stream[Any]:
    category = record.stream.partition("/")[0]
    if category not in streams:
        raise Unfoldable(f"no handler writes or reads streams of the category {category}")
    return streams[category]


def _compared(stream: Stream[Any], state: Any, schema: str | None, kept: bytes | None) -> bool:
    if kept is None or schema != stream.schema:
        return False
    if type(stream.initial).model_validate_json(kept) != state:
        raise Unfoldable("the snapshot at this version is not the state that the events fold to")
    return True


def _check_outcomes(connection: Connection[Row], context: str, found: Refolded) -> None:
    given = (OUTCOME_NAMES, context, OUTCOME_NAMES)
    for name, partition, sequence, events in connection.execute(MISCOUNTED, given):
        found.wrong(
            Position(name, partition, sequence), f"the outcome does not speak of the {events} events of its command"
        )

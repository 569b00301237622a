"""Folding every stream again with today's code. It is no replay of decisions: commands are not stored, events are.

What it shows: that every event can be read, that every state folds to its end, that the snapshots decisions may start
from are what the events say (no hash covers them), and that each outcome has as many events as it speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from psycopg import Connection

from streams.audit.facts import Facts
from streams.audit.journal_source import CHUNK, Row, rows, snapshot
from streams.core.envelope import OUTCOMES, Decided, Position, Record
from streams.core.wiring import SUBJECT_STREAM, Context, Stream
from streams.postgres.journal import COLUMNS

HISTORIES = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped, s.schema, s.state
      from headwater.journal j
      left join headwater.subject_keys k on k.subject = j.subject
      left join headwater.snapshots s on s.context = j.context and s.stream = j.stream and s.version = j.version
     where j.context = %s and not starts_with(j.stream, %s)
     order by j.context, j.stream, j.version
"""
"""A stream at a time: the state that is being folded is all that is held."""

COUNTS = """
    with counted as (
        select context, partition, sequence, name, data, command_id,
               count(*) filter (where name <> %s) over (partition by context, command_id) as events
          from headwater.journal where context = %s)
    select context, partition, sequence, events from counted
     where case when name = %s then (convert_from(data, 'UTF8')::json ->> 'events')::bigint <> events else false end
     order by context, partition, sequence limit 1
"""


@dataclass(slots=True)
class Refolded:
    """What was folded. `fault` is the first stream's, or outcome's, that went wrong, with where; others only counted.

    `snapshots` counts those compared: none without the master key, as states hold personal values.
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
    """A stream that cannot be folded to its end, or to what its snapshot says."""


def refold(
    connection: Connection[Row], facts: Facts, contexts: Sequence[Context], progress: Callable[[int], None]
) -> Refolded:
    """Folds every stream of these contexts, and counts the events of every outcome.

    The connection must be outside of a transaction. `progress` is told how many more events have been folded.
    """
    found = Refolded()
    with snapshot(connection):
        for context in contexts:
            streams = streams_of(context)
            histories = rows(connection, HISTORIES, (context.name, f"{OUTCOMES}/"))
            for _, history in groupby(histories, key=lambda row: row[5]):
                _refold(facts, streams, _watched(history, found, progress), found)
            _check_outcomes(connection, context.name, found)
    progress(found.events % CHUNK)
    return found


def streams_of(context: Context) -> Mapping[str, Stream[Any]]:
    """Every kind of stream of a context, by category."""
    streams = [stream for handler in context.handlers for stream in (handler.writes, *handler.reads)]
    return {stream.category: stream for stream in (SUBJECT_STREAM, *streams)}


def _watched(history: Iterator[Row], found: Refolded, progress: Callable[[int], None]) -> Iterator[Row]:
    found.streams += 1
    for row in history:
        found.events += 1
        if found.events % CHUNK == 0:
            progress(CHUNK)
        yield row


def _refold(facts: Facts, streams: Mapping[str, Stream[Any]], history: Iterator[Row], found: Refolded) -> None:
    state: Any = None
    for row in history:
        record = Record(*row[:-4])
        try:
            stream = _stream_of(streams, record)
            before = stream.initial if state is None else state
            state = stream.evolve(before, facts.read(record, row[-4], row[-3]).fact)
            found.snapshots += facts.opened and _compared(stream, state, row[-2], row[-1])
        except Exception as error:  # noqa: BLE001 - whatever a context's code raises is what was asked for
            found.wrong(record.position, f"{record.name}: {type(error).__name__}: {error}")
            break
    for _ in history:
        pass  # the rest of the stream cannot be folded, but is counted


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
    for name, partition, sequence, events in connection.execute(COUNTS, (Decided.name, context, Decided.name)):
        found.wrong(
            Position(name, partition, sequence), f"the outcome does not speak of the {events} events of its command"
        )

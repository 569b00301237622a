"""Why: from an event, or a row of a read model, back through every cause to the request that began it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from streams.audit.facts import Facts
from streams.audit.history import events_behind
from streams.audit.journal_source import Row, rows, snapshot
from streams.core.envelope import Position, outcome_stream
from streams.core.read_models import ReadModel

COLUMNS = "context, partition, sequence, event_id, name, stream, actor, at, command_id, causation_id, correlation_id"
BY_POSITION = f"select {COLUMNS} from headwater.journal where context = %s and partition = %s and sequence = %s"
BY_COMMAND = f"""
    select {COLUMNS} from headwater.journal
     where context in (select context from headwater.partitions) and stream = %s and version = 1
"""
BY_EVENT = f"select {COLUMNS} from headwater.journal where event_id = %s order by context, partition, sequence limit 1"
CAUSING = f"select {COLUMNS} from headwater.journal where correlation_id = %s"
COMMANDS = """
    select command_id, convert_from(data, 'UTF8')::json ->> 'command' from headwater.journal
     where context = any(%s) and stream = any(%s) and version = 1
"""


class Step(NamedTuple):
    """One link of the chain: an event, and the command (None for one that no command made) it was decided by.

    `causation_id` is the event whose reaction submitted that command, None where a request did.
    """

    position: Position
    event_id: UUID
    name: str
    stream: str
    actor: str
    at: datetime
    command_id: UUID
    causation_id: UUID | None
    correlation_id: UUID
    command: str | None = None

    @classmethod
    def of(cls, row: Row) -> Step:
        return cls(Position(*row[:3]), *row[3:])


def why(connection: Connection[Row], what: Position | UUID) -> list[Step]:
    """The chain of causes from a position, an event id or a command id (its outcome) back to the request.

    Ends early, with a step that still names its cause, where that is not in the log. Raises LookupError when there is
    no such record. The connection must be outside of a transaction.
    """
    with snapshot(connection):
        return _with_commands(connection, _chain(connection, _find(connection, what)))


def why_row(
    connection: Connection[Row], facts: Facts, context: str, model: ReadModel, key: Sequence[Any]
) -> list[Step]:
    """The chain behind the last event that touched a row; raises LookupError when none did, and as `events_behind`."""
    touches = events_behind(connection, facts, context, model, key)
    if not touches:
        raise LookupError(f"no event touched the row {tuple(key)} of {model.name}")
    return why(connection, touches[-1].event.position)


def _find(connection: Connection[Row], what: Position | UUID) -> Step:
    if isinstance(what, Position):
        queries: tuple[tuple[str, tuple[Any, ...]], ...] = ((BY_POSITION, tuple(what)),)
    else:
        queries = ((BY_COMMAND, (outcome_stream(what),)), (BY_EVENT, (what,)))
    for sql, values in queries:
        row = connection.execute(sql.encode(), values).fetchone()
        if row is not None:
            return Step.of(row)
    raise LookupError(f"there is no record of {what}")


def _chain(connection: Connection[Row], first: Step) -> list[Step]:
    """Causes nearly always share the request's correlation id: one scan finds them all."""
    chain, seen = [first], {first.event_id}
    known = _causes(connection, first.correlation_id) if first.causation_id else {}
    while (cause := chain[-1].causation_id) is not None and cause not in seen:
        seen.add(cause)
        step = known.get(cause) or _event(connection, cause)
        if step is None:
            break
        chain.append(step)
    return chain


def _causes(connection: Connection[Row], correlation_id: UUID) -> dict[UUID, Step]:
    return {step.event_id: step for step in map(Step.of, rows(connection, CAUSING, (correlation_id,)))}


def _event(connection: Connection[Row], event_id: UUID) -> Step | None:
    row = connection.execute(BY_EVENT.encode(), (event_id,)).fetchone()
    return None if row is None else Step.of(row)


def _with_commands(connection: Connection[Row], chain: Sequence[Step]) -> list[Step]:
    contexts = list({step.position.context for step in chain})
    streams = [outcome_stream(step.command_id) for step in chain]
    names: dict[UUID, str] = dict(connection.execute(COMMANDS, (contexts, streams)).fetchall())
    return [step._replace(command=names.get(step.command_id)) for step in chain]

"""Chain of causes: from an event or a read model's row back to the request that started it."""

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


class CausalLink(NamedTuple):
    """One link of the chain: an event, and the name of the command that decided it (None without one).

    `causation_id` is the event whose reaction submitted that command; None for a request's command.
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
    def of(cls, row: Row) -> CausalLink:
        return cls(Position(*row[:3]), *row[3:])


def why(connection: Connection[Row], what: Position | UUID) -> list[CausalLink]:
    """The chain of causes from a position, an event id or a command id (its outcome) back to the request.

    Ends early when a cause is not in the log; the last link then still names it. Raises LookupError for an unknown
    record. The connection must be outside a transaction.
    """
    with snapshot(connection):
        return _with_commands(connection, _chain(connection, _find(connection, what)))


def why_row(
    connection: Connection[Row], facts: Facts, context: str, model: ReadModel, key: Sequence[Any]
) -> list[CausalLink]:
    """The chain of the last event that changed a row.

    Raises LookupError when no event did, and what `events_behind` raises.
    """
    touches = events_behind(connection, facts, context, model, key)
    if not touches:
        raise LookupError(f"no event touched the row {tuple(key)} of {model.name}")
    return why(connection, touches[-1].event.position)


def _find(connection: Connection[Row], what: Position | UUID) -> CausalLink:
    if isinstance(what, Position):
        queries: tuple[tuple[str, tuple[Any, ...]], ...] = ((BY_POSITION, tuple(what)),)
    else:
        queries = ((BY_COMMAND, (outcome_stream(what),)), (BY_EVENT, (what,)))
    for sql, values in queries:
        row = connection.execute(sql.encode(), values).fetchone()
        if row is not None:
            return CausalLink.of(row)
    raise LookupError(f"there is no record of {what}")


def _chain(connection: Connection[Row], first: CausalLink) -> list[CausalLink]:
    """Load by correlation id first: causes nearly always share the request's, so one scan finds them all."""
    chain, seen = [first], {first.event_id}
    known = _causes(connection, first.correlation_id) if first.causation_id else {}
    while (cause := chain[-1].causation_id) is not None and cause not in seen:
        seen.add(cause)
        link = known.get(cause) or _event(connection, cause)
        if link is None:
            break
        chain.append(link)
    return chain


def _causes(connection: Connection[Row], correlation_id: UUID) -> dict[UUID, CausalLink]:
    return {link.event_id: link for link in map(CausalLink.of, rows(connection, CAUSING, (correlation_id,)))}


def _event(connection: Connection[Row], event_id: UUID) -> CausalLink | None:
    row = connection.execute(BY_EVENT.encode(), (event_id,)).fetchone()
    return None if row is None else CausalLink.of(row)


def _with_commands(connection: Connection[Row], chain: Sequence[CausalLink]) -> list[CausalLink]:
    contexts = list({link.position.context for link in chain})
    streams = [outcome_stream(link.command_id) for link in chain]
    names: dict[UUID, str] = dict(connection.execute(COMMANDS, (contexts, streams)).fetchall())
    return [link._replace(command=names.get(link.command_id)) for link in chain]

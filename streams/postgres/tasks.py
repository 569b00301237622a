"""Tasks (timers and outside calls) as rows: reactions create them, a worker claims them, the reply's outcome ends them.

The transaction that records an event inserts its tasks; the one that records the reply deletes them, so no task is
lost or doubled. Between the two a worker holds a lease (`task_claims`). A later event may withdraw a task, claimed or
not, so the set of rows follows from the log alone. Ending a task that is gone has no effect. A command that failed ends
no task: no one else would send it again, so its worker keeps it. The answer of its provider is in the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson

from domain.messages import Command, Named, Reply
from streams.core.envelope import DECIDED_V1, Decided, Doubt, Problem, Recorded, Status
from streams.core.ids import derived_id
from streams.core.mapper import Mapper
from streams.core.names import UnknownName
from streams.core.read_models import Change, change, delete, put
from streams.core.wiring import Context, Later, Reaction, Task, Withdraw
from streams.postgres.database import Statement
from streams.postgres.installation import projection_of
from streams.postgres.projection_tables import Projection

TABLE = "headwater.tasks"
TIMER = "timer"
"""The step of a timer's first submission, from which its command's id derives."""

KEYED = UUID("d7c7bb58-4ce7-4c63-8d49-ee8c291f1960")
"""UUID namespace of the contexts' namespaces for ids of tasks with a key."""

DUE_CHANNEL = "headwater_due"
"""The channel that announces the due time of new tasks to the workers."""

ORDER = f"""
    with ordered as (
        insert into headwater.tasks (id, context, kind, due_at, name, key, body, correlation_id, event_id)
        values (%s, %s, 'timer', least(%s, (select now from headwater.clock)), %s, %s, %s::json, %s, %s)
        returning due_at)
    select pg_notify('{DUE_CHANNEL}', to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'))
      from ordered
"""

MARK_BEGUN = """
    update headwater.tasks set state = 'running', owner = 'before the restore', lease_until = now(),
           attempts = attempts + 1
     where kind = 'call' and state = 'waiting' and due_at <= %s and not answered
"""
"""Calls that were due in a database that comes back without its last answers: they may have been made."""


def task_id(event_id: UUID, number: int) -> UUID:
    """The id of an event's task by its number, counted from 0."""
    return derived_id(event_id, f"task {number}")


def keyed_task_id(context: str, key: str) -> UUID:
    """The id of the task that a context creates or withdraws under this key."""
    return derived_id(derived_id(KEYED, context), key)


def timer_command_id(context: str, key: str) -> UUID:
    """The id of the command that the timer under this key submits: who submits it before makes it the same command."""
    return uuid5(keyed_task_id(context, key), TIMER)


def reacted(context: Context, event: Recorded[Any]) -> Iterator[tuple[UUID, Reaction]]:
    """The reactions to an event, each with the id of the task that it creates or withdraws."""
    for number, reaction in enumerate(context.react(event)):
        keyed = reaction.key and keyed_task_id(context.name, reaction.key)
        yield keyed or task_id(event.record.event_id, number), reaction


def reactions(context: Context, mapper: Mapper) -> Projection:
    """A context's reactions as a projection whose rows are its tasks."""
    project = _project(context, mapper)
    return Projection(f"{context.name}_reactions", 1, context.name, ("id",), project, keep_existing=True)


def known_projections(contexts: Sequence[Context], mapper: Mapper) -> list[Projection]:
    """Every projection of these contexts: read models and reactions."""
    models = [projection_of(context.name, model) for context in contexts for model in context.read_models]
    return models + [reactions(context, mapper) for context in contexts]


def _project(context: Context, mapper: Mapper) -> Callable[[Recorded[Any]], Iterator[Change]]:
    def project(event: Recorded[Any]) -> Iterator[Change]:
        if isinstance(event.fact, Decided):
            yield from _concluded(mapper, event.fact, event.record.name)
            return
        for id_, reaction in reacted(context, event):
            yield delete(id_) if isinstance(reaction, Withdraw) else _row(mapper, event, id_, reaction)

    return project


def _concluded(mapper: Mapper, decided: Decided, name: str) -> Iterator[Change]:
    """Releases that recorded outcomes as v1 ended a task whose command had failed: it is not done now, ages later."""
    if (end := decided.task) is None:
        return
    if decided.status is Status.FAILED and name != DECIDED_V1:
        if (answer := _answer_in(mapper, decided)) is not None:
            reply = orjson.Fragment(mapper.encode(answer))
            yield change(end.id, answered=True, reply_body=reply, doubt=_json(end.doubt))
    elif end.due_at is None:
        yield delete(end.id)
    else:
        waiting = {"due_at": end.due_at, "owner": None, "lease_until": None, "answered": False, "error": None}
        yield change(end.id, state="waiting", doubt=_json(end.doubt), **waiting)


def _json(doubt: Doubt | None) -> dict[str, Any] | None:
    return None if doubt is None else doubt.model_dump(mode="json")


def _answer_in(mapper: Mapper, decided: Decided) -> Reply | None:
    """The provider's answer that could not be recorded; None where the outcome holds none that can be read."""
    body = decided.sealed if decided.body is None else decided.body
    try:
        type_, current = mapper.names.current(decided.command, body or {})
        command = type_.model_validate(current)
    except (UnknownName, ValueError):
        return None
    return command if isinstance(command, Reply) and command.attempt is not None else None


def error_of(problem: Problem | None) -> str:
    """The error of a task whose command failed: the problem's type and its number in the log of the process."""
    if problem is None:
        return "unknown"
    return f"{problem.type}, error {problem.details.get('error_id', 'unknown')}"


def _row(mapper: Mapper, event: Recorded[Any], id_: UUID, task: Task) -> Change:
    message: Named = task.command if isinstance(task, Later) else task.effect
    reply = None if isinstance(task, Later) else task.reply
    return put(
        id_,
        context=event.record.context,
        kind="timer" if isinstance(task, Later) else "call",
        state="waiting",
        attempts=0,
        due_at=task.due_at if isinstance(task, Later) else event.record.at,
        name=message.name,
        key=event.record.key,
        body=orjson.Fragment(mapper.encode(message)),
        subject=message.subject,
        reply_name=reply and reply.name,
        reply_body=reply and orjson.Fragment(mapper.encode(reply)),
        reply_subject=reply and reply.subject,
        correlation_id=event.record.correlation_id,
        event_id=event.record.event_id,
    )


def order(command: Command, context: str, id_: UUID, now: datetime) -> Statement:
    """The statement that inserts a timer due now (by a manual clock too), by which a command line submits a command.

    The worker of either runtime claims it. Only for commands without personal values.
    """
    return Statement(ORDER, [id_, context, now, command.name, command.key, command.model_dump_json(), id_, id_])

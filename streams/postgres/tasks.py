"""Tasks (timers and outside calls) as rows: reactions create them, a worker claims them, the reply's outcome ends them.

The transaction that records an event inserts its tasks; the one that records the reply deletes them, so no task is
lost or doubled. Between the two a worker holds a lease. A later event may withdraw a task, claimed or not, so the set
of rows follows from the log alone. Ending a task that is gone has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from domain.messages import Command, Effect, Named, Reply
from streams.core.envelope import Decided, Recorded
from streams.core.ids import derived_id
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Change, change, delete, put
from streams.core.wiring import Context, Later, Reaction, Task, Withdraw
from streams.postgres.database import Statement
from streams.postgres.installation import projection_of
from streams.postgres.projection_tables import Projection

TABLE = "headwater.tasks"
KEYED = UUID("d7c7bb58-4ce7-4c63-8d49-ee8c291f1960")
"""UUID namespace of the contexts' namespaces for ids of tasks with a key."""

_CLAIMED = """
    returning t.id, t.context, t.kind, t.attempts, t.name, t.body::text, t.subject, t.reply_name, t.reply_body::text,
              t.reply_subject, t.correlation_id, t.event_id, t.due_at"""

CLAIM = f"""
    with claimed as (
        update headwater.tasks t
           set state = 'running', owner = %s, lease_until = now() + make_interval(secs => %s), attempts = attempts + 1
         where id in (select id from headwater.tasks where state = 'waiting' and due_at <= %s and context = any(%s)
                       order by due_at limit %s for update skip locked)
        {_CLAIMED})
    select c.*, k.subject, k.wrapped, r.subject, r.wrapped
      from claimed c left join headwater.subject_keys k on k.subject = c.subject
                     left join headwater.subject_keys r on r.subject = c.reply_subject
     order by c.due_at
"""

ABANDONED = f"""
    with claimed as (
        update headwater.tasks t set owner = %s, lease_until = now() + make_interval(secs => %s)
         where id in (select id from headwater.tasks where state = 'running' and context = any(%s)
                         and (lease_until < now() or (%s and owner <> %s)) limit %s for update skip locked)
        {_CLAIMED})
    select c.*, k.subject, k.wrapped, r.subject, r.wrapped
      from claimed c left join headwater.subject_keys k on k.subject = c.subject
                     left join headwater.subject_keys r on r.subject = c.reply_subject
"""

DUE_CHANNEL = "headwater_due"
"""The channel that announces the due time of new tasks to the workers."""

ORDER = f"""
    with ordered as (
        insert into headwater.tasks (id, context, kind, due_at, name, body, correlation_id, event_id)
        values (%s, %s, 'timer', least(%s, (select now from headwater.clock)), %s, %s::json, %s, %s)
        returning due_at)
    select pg_notify('{DUE_CHANNEL}', to_char(due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'))
      from ordered
"""
EXTEND = "update headwater.tasks set lease_until = now() + make_interval(secs => %s) where id = any(%s) and owner = %s"
NEXT_DUE = "select min(due_at) from headwater.tasks where state = 'waiting' and context = any(%s)"


class ClaimedRow(NamedTuple):
    """A row of CLAIM or ABANDONED: the task's columns, then the stored keys of its two subjects."""

    id: UUID
    context: str
    kind: str
    attempts: int
    name: str
    body: str
    subject: str | None
    reply_name: str | None
    reply_body: str | None
    reply_subject: str | None
    correlation_id: UUID
    event_id: UUID
    due_at: datetime
    key_subject: str | None
    key_wrapped: bytes | None
    reply_key_subject: str | None
    reply_key_wrapped: bytes | None


class Claimed(NamedTuple):
    """A task that this worker holds until its lease ends. `attempts` includes the current one."""

    id: UUID
    context: str
    kind: str
    attempts: int
    message: Command | Effect
    reply: Reply | None
    correlation_id: UUID
    event_id: UUID
    due_at: datetime


def task_id(event_id: UUID, number: int) -> UUID:
    """The id of an event's task by its number, counted from 0."""
    return derived_id(event_id, f"task {number}")


def keyed_task_id(context: str, key: str) -> UUID:
    """The id of the task that a context creates or withdraws under this key."""
    return derived_id(derived_id(KEYED, context), key)


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
            yield from _ended(event.fact)
            return
        for id_, reaction in reacted(context, event):
            yield delete(id_) if isinstance(reaction, Withdraw) else _row(mapper, event, id_, reaction)

    return project


def _ended(decided: Decided) -> Iterator[Change]:
    if decided.task is None:
        return
    if decided.task.due_at is None:
        yield delete(decided.task.id)
    else:
        yield change(decided.task.id, state="waiting", due_at=decided.task.due_at, owner=None, lease_until=None)


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
        body=orjson.Fragment(mapper.encode(message)),
        subject=message.subject,
        reply_name=reply and reply.name,
        reply_body=reply and orjson.Fragment(mapper.encode(reply)),
        reply_subject=reply and reply.subject,
        correlation_id=event.record.correlation_id,
        event_id=event.record.event_id,
    )


def claim(owner: str, lease_seconds: float, now: datetime, contexts: Sequence[str], limit: int) -> Statement:
    """The statement that claims due tasks for this owner."""
    return Statement(CLAIM, [owner, lease_seconds, now, list(contexts), limit])


def abandoned(owner: str, lease_seconds: float, contexts: Sequence[str], only_worker: bool, limit: int) -> Statement:
    """The statement that takes over tasks of dead workers.

    A worker counts as dead when its lease has run out or, with `only_worker`, when it is not this owner.
    """
    return Statement(ABANDONED, [owner, lease_seconds, list(contexts), only_worker, owner, limit])


def order(command: Command, context: str, id_: UUID, now: datetime) -> Statement:
    """The statement that inserts a timer due now (by a manual clock too), by which a command line submits a command.

    The worker of either runtime claims it. Only for commands without personal values.
    """
    return Statement(ORDER, [id_, context, now, command.name, command.model_dump_json(), id_, id_])


def read_claimed(mapper: Mapper, row: ClaimedRow) -> Claimed:
    """The claimed task with its messages decoded; raises what `Mapper.decode` raises."""
    if row.key_subject is not None:
        mapper.keyring.learn(WrappedKey(row.key_subject, row.key_wrapped))
    if row.reply_key_subject is not None:
        mapper.keyring.learn(WrappedKey(row.reply_key_subject, row.reply_key_wrapped))
    message = mapper.decode(row.name, row.body.encode(), row.subject)
    assert isinstance(message, Command | Effect)
    reply = _reply(mapper, row)
    return Claimed(
        row.id, row.context, row.kind, row.attempts, message, reply, row.correlation_id, row.event_id, row.due_at
    )


def _reply(mapper: Mapper, row: ClaimedRow) -> Reply | None:
    if row.reply_name is None or row.reply_body is None:
        return None
    return mapper.decode_as(Reply, row.reply_name, row.reply_body.encode(), row.reply_subject)

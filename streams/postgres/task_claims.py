"""Claims of tasks: the statements by which a worker takes, holds, keeps and returns tasks, and the claimed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.messages import Command, Effect, Reply
from streams.core.envelope import Doubt
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.postgres.database import Statement

_RETURNED = """
    returning t.id, t.context, t.kind, t.attempts, t.name, t.body::text, t.subject, t.reply_name, t.reply_body::text,
              t.reply_subject, t.correlation_id, t.event_id, t.due_at, t.key, t.answered,
              t.doubt::text"""

_WITH_KEYS = """
    select c.*, k.subject, k.wrapped, r.subject, r.wrapped
      from claimed c left join headwater.subject_keys k on k.subject = c.subject
                     left join headwater.subject_keys r on r.subject = c.reply_subject
     order by c.due_at
"""

_CLAIM = f"""
    claimed as (
        update headwater.tasks t
           set state = 'running', owner = %s, lease_until = now() + make_interval(secs => %s), attempts = attempts + 1
         where id = any(array(select id from due))
        {_RETURNED})
    {_WITH_KEYS}
"""

CLAIM = f"""
    with due as (
        select id from (
            select id from headwater.tasks
             where kind = 'timer' and state = 'waiting' and due_at <= %s and context = any(%s)
             order by due_at limit %s for update skip locked) timers
        union all
        select ranked.id
          from unnest(%s::text[], %s::int[]) as w(name, room)
         cross join lateral (
               select id, row_number() over (partition by key order by due_at) as place from (
                   select id, key, due_at from headwater.tasks
                    where kind = 'call' and state = 'waiting' and name = w.name and due_at <= %s and context = any(%s)
                    order by due_at limit w.room for update skip locked) oldest) ranked
         where ranked.place <= %s),
    {_CLAIM}
"""
"""The tasks that are due longest: timers, and calls of some names, of each name not more than a share for one key."""

CLAIM_OF_KEYS = f"""
    with due as (
        select oldest.id
          from unnest(%s::text[], %s::int[]) as w(key, room)
         cross join lateral (
               select id from headwater.tasks
                where kind = 'call' and state = 'waiting' and name = %s and key = w.key and due_at <= %s
                  and context = any(%s)
                order by due_at limit w.room for update skip locked) oldest),
    {_CLAIM}
"""

WAITING_KEYS = """
    with recursive keys as (
        (select key, due_at from headwater.tasks
          where kind = 'call' and state = 'waiting' and name = %s and key > %s order by key, due_at limit 1)
        union all
        select following.key, following.due_at
          from keys cross join lateral (
               select key, due_at from headwater.tasks
                where kind = 'call' and state = 'waiting' and name = %s and key > keys.key
                order by key, due_at limit 1) following)
    select key, due_at from keys limit %s
"""
"""Keys under which calls of a name wait, each with its first due time: one step in the index for each key."""

ABANDONED = f"""
    with claimed as (
        update headwater.tasks t set owner = %s, lease_until = now() + make_interval(secs => %s)
         where id in (select id from headwater.tasks where state = 'running' and context = any(%s)
                         and (lease_until < now() or (%s and owner <> %s)) limit %s for update skip locked)
        {_RETURNED})
    {_WITH_KEYS}
"""

EXTEND = "update headwater.tasks set lease_until = now() + make_interval(secs => %s) where id = any(%s) and owner = %s"
END = "delete from headwater.tasks where id = %s and owner = %s"

NEXT_DUE = """
    select min(due_at) from (
        (select due_at from headwater.tasks
          where kind = 'timer' and state = 'waiting' and due_at > %s and context = any(%s) order by due_at limit 1)
        union all
        select first.due_at from unnest(%s::text[]) as w(name) cross join lateral (
               select due_at from headwater.tasks
                where kind = 'call' and state = 'waiting' and name = w.name and due_at > %s and context = any(%s)
                order by due_at limit 1) first) soon
"""

KEEP = """
    update headwater.tasks set state = %s, error = %s, lease_until = null, answered = answered or %s::text is not null,
           reply_body = coalesce(%s::json, reply_body), doubt = coalesce(%s::jsonb, doubt), begun = %s
     where id = %s and owner = %s
"""

MARK_UNKNOWN = """
    update headwater.tasks set state = 'unreadable', error = 'no performer is known for this effect'
     where kind = 'call' and state = 'waiting' and due_at <= %s and context = any(%s) and name <> all(%s)
"""

RETRY = """
    update headwater.tasks
       set state = case when state = 'failed' and kind = 'call' and begun and not answered
                        then 'running' else 'waiting' end,
           attempts = attempts + case when state = 'failed' and kind = 'call' and begun and not answered
                                      then 1 else 0 end,
           owner = null, lease_until = now(), error = null
     where state in ('failed', 'unreadable') and context = any(%s)
"""
"""A call that has begun, and of which no answer is kept, counts as one that its worker has left."""


class ClaimedRow(NamedTuple):
    """A row of a claim: the task's columns, then the stored keys of its two subjects."""

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
    key: str
    answered: bool
    doubt: str | None
    key_subject: str | None
    key_wrapped: bytes | None
    reply_key_subject: str | None
    reply_key_wrapped: bytes | None

    @property
    def work(self) -> str:
        """The name whose slots the task takes: that of its effect, or `TIMERS`."""
        return TIMERS if self.kind == "timer" else self.name


TIMERS = ""
"""The name under which all timers share their slots."""


class Claimed(NamedTuple):
    """A task that this worker holds until its lease ends. `attempts` includes the current one.

    `answered`: the provider's answer is in the reply, which could not be recorded before. `doubt`: an earlier attempt
    may have gone out.
    """

    id: UUID
    context: str
    kind: str
    attempts: int
    message: Command | Effect
    reply: Reply | None
    correlation_id: UUID
    event_id: UUID
    due_at: datetime
    answered: bool = False
    doubt: Doubt | None = None


def claim(
    owner: str,
    lease_seconds: float,
    now: datetime,
    contexts: Sequence[str],
    timers: int,
    rooms: Mapping[str, int],
    share: int,
) -> Statement:
    """The statement that claims due tasks: so many timers, and calls by name, of which one key gets at most a share."""
    names = [list(rooms), list(rooms.values())]
    due = [now, list(contexts), timers, *names, now, list(contexts), share]
    return Statement(CLAIM, [*due, owner, lease_seconds])


def claim_of_keys(
    owner: str, lease_seconds: float, now: datetime, contexts: Sequence[str], name: str, rooms: Mapping[str, int]
) -> Statement:
    """The statement that claims due calls of one name, so many of each key."""
    due = [list(rooms), list(rooms.values()), name, now, list(contexts)]
    return Statement(CLAIM_OF_KEYS, [*due, owner, lease_seconds])


def waiting_keys(name: str, after: str, limit: int) -> Statement:
    """The statement that finds the next keys, in their order, under which calls of a name wait."""
    return Statement(WAITING_KEYS, [name, after, name, limit])


def abandoned(owner: str, lease_seconds: float, contexts: Sequence[str], only_worker: bool, limit: int) -> Statement:
    """The statement that takes over tasks of dead workers.

    A worker counts as dead when its lease has run out or, with `only_worker`, when it is not this owner.
    """
    return Statement(ABANDONED, [owner, lease_seconds, list(contexts), only_worker, owner, limit])


def next_due(now: datetime, contexts: Sequence[str], names: Sequence[str]) -> Statement:
    """The statement that finds when the next timer or call of these names is due, later than now."""
    return Statement(NEXT_DUE, [now, list(contexts), list(names), now, list(contexts)])


def keep(
    id_: UUID,
    owner: str,
    state: str,
    error: str,
    reply: str | None = None,
    doubt: Doubt | None = None,
    begun: bool = True,
) -> Statement:
    """The statement that keeps a task that cannot go on, *failed* or *unreadable*.

    `reply` is the answer it got, `doubt` what that leaves; a call that has not `begun` is made anew by a retry.
    """
    left = None if doubt is None else doubt.model_dump_json()
    return Statement(KEEP, [state, error, reply, reply, left, begun, id_, owner])


def retry(contexts: Sequence[str]) -> Statement:
    """The statement that lets the kept tasks of these contexts go on."""
    return Statement(RETRY, [list(contexts)])


def read_claimed(mapper: Mapper, row: ClaimedRow) -> Claimed:
    """The claimed task with its messages decoded; raises what `Mapper.decode` raises."""
    if row.key_subject is not None:
        mapper.keyring.learn(WrappedKey(row.key_subject, row.key_wrapped))
    if row.reply_key_subject is not None:
        mapper.keyring.learn(WrappedKey(row.reply_key_subject, row.reply_key_wrapped))
    message = mapper.decode(row.name, row.body.encode(), row.subject)
    assert isinstance(message, Command | Effect)
    return Claimed(
        row.id,
        row.context,
        row.kind,
        row.attempts,
        message,
        _reply(mapper, row),
        row.correlation_id,
        row.event_id,
        row.due_at,
        row.answered,
        None if row.doubt is None else Doubt.model_validate_json(row.doubt),
    )


def _reply(mapper: Mapper, row: ClaimedRow) -> Reply | None:
    if row.reply_name is None or row.reply_body is None:
        return None
    return mapper.decode_as(Reply, row.reply_name, row.reply_body.encode(), row.reply_subject)

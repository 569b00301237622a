"""SQL of the tables with sealed bytes beside the log: objects in parts, and the vault's credentials.

A row in `headwater.objects` is one writing of an object. It is whole once it has its wrapped key, and of an id only one
row becomes whole. The key of an unfinished writing is stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.object_ids import NamedObject, objects_in
from streams.postgres.database import Statement

BEGIN = """
    insert into headwater.objects (content, id, context, key, subject, put_at)
    values (%s, %s, %s, %s, %s, coalesce((select now from headwater.clock), now()))
"""
"""By the engine's clock: that row is a manual clock's time."""

ADD_PART = "insert into headwater.object_parts (content, number, sealed) values (%s, %s, %s)"
FINISH = "update headwater.objects set size = %s, sha256 = %s, wrapped = %s where content = %s returning id"
DISCARD = "delete from headwater.objects where content = %s"
FORGET = "delete from headwater.objects where id = %s"

WHOLE = """
    select o.content, o.id, o.context, o.key, o.subject, o.size, o.sha256, o.wrapped, k.wrapped
      from headwater.objects o left join headwater.subject_keys k on k.subject = o.subject
     where o.id = %s and o.wrapped is not null
"""
PART = "select sealed from headwater.object_parts where content = %s and number = %s"

NAMED = "t.id = n.id and t.context = n.context and t.key = n.key"
LINES = "json_to_recordset(%s::json) as n(context text, key text, id uuid)"
KEEP = (
    f"update headwater.objects t set kept = true from {LINES} where {NAMED} and not t.kept and t.wrapped is not null",
    f"update headwater.vault t set kept = true from {LINES} where {NAMED} and not t.kept",
)
FORGET_NAMED = (
    f"delete from headwater.objects t using {LINES} where {NAMED}",
    f"delete from headwater.vault t using {LINES} where {NAMED}",
)
FORGET_SUBJECT = (
    "delete from headwater.objects where subject = %s",
    "delete from headwater.vault where subject = %s",
)

UNKEPT = """
    select u.id, u.context, u.key, exists (select from headwater.partitions p where p.context = u.context)
      from (select content as id, context, key, put_at from headwater.objects where not kept
             union all select id, context, key, put_at from headwater.vault where not kept) u
     where u.put_at <= %s order by u.put_at limit %s
"""
SWEEP = """
    with objects as (
        delete from headwater.objects where content in (
            select content from headwater.objects where content = any(%s) and not kept for update skip locked)
        returning 1),
    credentials as (
        delete from headwater.vault where id in (
            select id from headwater.vault where id = any(%s) and not kept for update skip locked)
        returning 1)
    select from objects union all select from credentials
"""
THERE = """
    select w.id::text from unnest(%s::uuid[]) as w(id)
     where exists (select from headwater.objects o where o.id = w.id and o.wrapped is not null)
        or exists (select from headwater.vault v where v.id = w.id)
"""


class WholeObject(NamedTuple):
    """The row of a whole object, with the stored key of its subject, None without a subject or once it is destroyed."""

    content: UUID
    id: UUID
    context: str
    key: str
    subject: str | None
    size: int
    sha256: bytes
    wrapped: bytes
    subject_key: bytes | None


class UnkeptObject(NamedTuple):
    """A writing of an object, or credentials, that no event has named in time; whether their context has partitions."""

    id: UUID
    context: str
    key: str
    has_partitions: bool


def named_objects(recorded: Sequence[Recorded[Event]]) -> list[Statement]:
    """The statements that keep and remove what events name, in the transaction that projects them."""
    kept, forgotten = list(objects_in(recorded, kept=True)), list(objects_in(recorded, kept=False))
    keep = [Statement(sql, [_lines(kept)]) for sql in KEEP if kept]
    return keep + [Statement(sql, [_lines(forgotten)]) for sql in FORGET_NAMED if forgotten]


def forget_subject(subject: str) -> list[Statement]:
    """The statements that remove what a subject owns, in the transaction that destroys the subject's key."""
    return [Statement(sql, [subject]) for sql in FORGET_SUBJECT]


def unkept_before(moment: datetime, most: int) -> Statement:
    """The statement that finds the oldest of what was put before this moment and that no event has named."""
    return Statement(UNKEPT, [moment, most])


def sweep(ids: Sequence[UUID]) -> Statement:
    """The statement that removes what is still not kept of this; it returns a row for each that was there."""
    return Statement(SWEEP, [list(ids), list(ids)])


def _lines(named: Iterable[NamedObject]) -> str:
    return orjson.dumps([{"context": one.context, "key": one.key, "id": one.id} for one in named]).decode()

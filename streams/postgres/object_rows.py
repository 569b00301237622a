"""SQL of the objects' tables: bytes beside the log, in sealed parts.

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
HOLD_KEY = "select headwater.hold_keys(array[%s]::text[])"
DISCARD = "delete from headwater.objects where content = %s"
FORGET = "delete from headwater.objects where id = %s"

WHOLE = """
    select o.content, o.id, o.context, o.key, o.subject, o.size, o.sha256, o.wrapped, k.wrapped
      from headwater.objects o left join headwater.subject_keys k on k.subject = o.subject
     where o.id = %s and o.wrapped is not null
"""
PART = "select sealed from headwater.object_parts where content = %s and number = %s"

NAMED = """
    headwater.objects.id = n.id and headwater.objects.context = n.context and headwater.objects.key = n.key
"""
KEEP = f"""
    update headwater.objects set kept = true from json_to_recordset(%s::json) as n(context text, key text, id uuid)
     where {NAMED} and not kept and wrapped is not null
"""
FORGET_NAMED = f"""
    delete from headwater.objects using json_to_recordset(%s::json) as n(context text, key text, id uuid) where {NAMED}
"""
FORGET_SUBJECT = "delete from headwater.objects where subject = %s"

UNKEPT = """
    select o.content, o.context, o.key, exists (select from headwater.partitions p where p.context = o.context)
      from headwater.objects o where not o.kept and o.put_at <= %s order by o.put_at limit %s
"""
SWEEP = """
    delete from headwater.objects where content in (
        select content from headwater.objects where content = any(%s) and not kept for update skip locked)
"""
THERE = "select id::text from headwater.objects where id = any(%s::uuid[]) and wrapped is not null"


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
    """A writing that no event has named in time, and whether its context has partitions."""

    content: UUID
    context: str
    key: str
    has_partitions: bool


def named_objects(recorded: Sequence[Recorded[Event]]) -> list[Statement]:
    """The statements that keep and remove the objects which events name, in the transaction that projects them."""
    kept, forgotten = list(objects_in(recorded, kept=True)), list(objects_in(recorded, kept=False))
    statements = [Statement(KEEP, [_lines(kept)])] if kept else []
    return [*statements, Statement(FORGET_NAMED, [_lines(forgotten)])] if forgotten else statements


def forget_subject(subject: str) -> Statement:
    """The statement that removes a subject's objects, in the transaction that destroys the subject's key."""
    return Statement(FORGET_SUBJECT, [subject])


def unkept_before(moment: datetime, most: int) -> Statement:
    """The statement that finds the oldest writings that began before this moment and that no event has named."""
    return Statement(UNKEPT, [moment, most])


def sweep(contents: Sequence[UUID]) -> Statement:
    """The statement that removes those of these writings that are still not kept."""
    return Statement(SWEEP, [list(contents)])


def _lines(named: Iterable[NamedObject]) -> str:
    return orjson.dumps([{"context": one.context, "key": one.key, "id": one.id} for one in named]).decode()

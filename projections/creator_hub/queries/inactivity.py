"""The members whom a rule may act on, found in pages; each member's own state has the last word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.creator_hub.rule import Due
from projections.creator_hub.enrollments import ENROLLMENTS
from projections.creator_hub.members import MEMBERS
from projections.creator_hub.spells import SPELLS
from streams.core.read_models import ReadModel, Row

PAGE = 200
EVERYBODY, CHANNEL, PROGRAM = "all_users", "channel:", "program:"
"""Whom a rule applies to: all, those of a type of channel, those who are or were enrolled in a program."""

READ: Sequence[ReadModel] = (MEMBERS, ENROLLMENTS, SPELLS)
"""The read models that the search depends on."""


class InactivePage(NamedTuple):
    """A page. `next` is the cursor of the following one; None after the last.

    `next_due`, known on the last page, is the earliest time at which another member becomes due.
    """

    due: list[Due]
    next: str | None
    next_due: datetime | None


CANDIDATES = """
      from creator_hub_members m
     where m.creator_id = %(creator_id)s and m.external_id is not null
       and (%(since)s::timestamptz is null or m.last_active_at >= %(since)s)
       and (%(channel)s::text is null or m.channel_type = %(channel)s)
       and (%(program)s::text is null or exists (
            select from creator_hub_enrollments e where e.program_id = %(program)s and e.user_id = m.user_id))
"""

DUE = f"""
    select m.user_id, m.channel_id, m.last_active_at {CANDIDATES}
       and m.last_active_at <= %(until)s
       and (%(after)s::timestamptz is null or (m.last_active_at, m.user_id) > (%(after)s, %(after_id)s))
       and not exists (select from creator_hub_spells s
                        where s.rule_id = %(rule_id)s and s.user_id = m.user_id and s.spell >= m.last_active_at)
     order by m.last_active_at, m.user_id limit %(limit)s
"""

REST = f"select min(m.last_active_at) {CANDIDATES} and m.last_active_at > %(until)s"


async def find_inactive(
    connection: AsyncConnection[Row],
    creator_id: str,
    rule_id: str,
    threshold: timedelta,
    as_of: datetime,
    applies_to: str = EVERYBODY,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> InactivePage:
    """A page of the creator's members without a message for so long, those inactive for the longest first.

    Members are left out for whom the rule has acted or was skipped in this spell, and those whose last message came
    before `since`. Whom the rule applies to in no known way is nobody.
    """
    scope = scope_of(applies_to)
    if scope is None:
        return InactivePage([], None, None)
    after, after_id = place_of(cursor)
    values = {"creator_id": creator_id, "rule_id": rule_id, "since": since, "until": as_of - threshold, **scope}
    page = {"after": after, "after_id": after_id, "limit": limit}
    rows = await (await connection.execute(DUE, values | page)).fetchall()
    due = [Due(user_id=user_id, channel_id=channel_id, spell=spell) for user_id, channel_id, spell in rows]
    if len(due) == limit:
        return InactivePage(due, cursor_after(due[-1]), None)
    ((earliest,),) = await (await connection.execute(REST, values)).fetchall()
    return InactivePage(due, None, None if earliest is None else earliest + threshold)


def scope_of(applies_to: str) -> dict[str, object] | None:
    """The filters of `applies_to`; None if it is none that is known."""
    channel, program = applies_to.removeprefix(CHANNEL), applies_to.removeprefix(PROGRAM)
    if applies_to == EVERYBODY:
        return {"channel": None, "program": None}
    if channel != applies_to:
        return {"channel": channel, "program": None}
    return {"channel": None, "program": program} if program != applies_to else None


def cursor_after(last: Due) -> str:
    return f"{last.spell.isoformat()}/{last.user_id}"


def place_of(cursor: str | None) -> tuple[datetime | None, str | None]:
    """The time and the id that a cursor stands behind."""
    if cursor is None:
        return None, None
    at, _, user_id = cursor.partition("/")
    return datetime.fromisoformat(at), user_id

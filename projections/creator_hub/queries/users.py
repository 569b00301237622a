"""Members as callers read them, the document's users: one by the id, and pages of a list.

A member who has been erased is in neither, and is counted all the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from domain.creator_hub.kinds import ChannelType
from projections.creator_hub.members import HALF_LIFE_SECONDS
from projections.creator_hub.queries.pages import Page, offset_of
from streams.core.read_models import Row

ACTIVE_FOR = timedelta(days=30)
"""A member is active for so long after a message."""


class UserStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class UserSort(StrEnum):
    CREATED_AT = "created_at"
    LAST_ACTIVE_AT = "last_active_at"
    ENGAGEMENT_SCORE = "engagement_score"


class SortOrder(StrEnum):
    ASC = "asc"
    DESC = "desc"


class UserRow(NamedTuple):
    """A member. `engagement_score` is the one of the query's time; `enrollments` counts those of all times."""

    user_id: str
    external_id: str
    channel_type: ChannelType
    channel_id: str
    profile: dict[str, JsonValue]
    time_zone: str
    language: str
    registered_at: datetime
    last_active_at: datetime | None
    is_active: bool
    engagement_score: float
    enrollments: int
    interactions: int
    opted_out: bool
    blocked: bool
    escalated: bool


SCORE = "power(2::float8, greatest(m.engagement - %(now_in_half_lives)s, -100))"
"""A member's activity at the query's time. One too small for a number counts as none."""

OF_CREATOR = "m.creator_id = %(creator_id)s and m.external_id is not null"

USERS = f"""
    select m.user_id, m.external_id, m.channel_type, m.channel_id, m.profile, m.time_zone, m.language,
           m.registered_at, m.last_active_at, coalesce(m.last_active_at >= %(active_since)s, false),
           coalesce({SCORE} / ({SCORE} + 3), 0)::float8, coalesce(n.enrollments, 0),
           coalesce(n.received + n.sent, 0), m.opted_out, m.blocked, m.escalated
"""

BY_ID = f"""
    {USERS} from creator_hub_members m left join creator_hub_member_counters n using (user_id)
     where {OF_CREATOR} and m.user_id = %(user_id)s
"""

FILTERS = f"""
     where {OF_CREATOR} and (%(channel)s::text is null or m.channel_type = %(channel)s)
       and (%(active)s::boolean is null
            or coalesce(m.last_active_at >= %(active_since)s, false) = %(active)s)
       and (%(search)s::text is null or position(lower(%(search)s) in lower(m.external_id)) > 0
            or position(lower(%(search)s) in lower(coalesce(m.profile ->> 'name', ''))) > 0)
"""

TOTAL = f"select count(*) from creator_hub_members m {FILTERS}"

PAGE = f"""
    {USERS}
      from (select * from creator_hub_members m {FILTERS}
             order by {{order}} offset %(offset)s limit %(limit)s) m
      left join creator_hub_member_counters n using (user_id)
     order by {{order}}
"""

ORDERS: dict[UserSort, str] = {
    UserSort.CREATED_AT: "m.registered_at {direction}, m.user_id",
    UserSort.LAST_ACTIVE_AT: "m.last_active_at {direction} nulls last, m.user_id",
    UserSort.ENGAGEMENT_SCORE: "m.engagement {direction} nulls last, m.user_id",
}
"""The order of each sort: engagements are in the order of the scores at any time."""


def times(now: datetime) -> dict[str, object]:
    """What the query depends on of the time that it is asked."""
    return {"now_in_half_lives": now.timestamp() / HALF_LIFE_SECONDS, "active_since": now - ACTIVE_FOR}


async def user_by_id(connection: AsyncConnection[Row], creator_id: str, user_id: str, now: datetime) -> UserRow | None:
    """The creator's member; None if there is none, or if it has been erased."""
    values = {"creator_id": creator_id, "user_id": user_id, **times(now)}
    row = await (await connection.execute(BY_ID, values)).fetchone()
    return None if row is None else _user(row)


async def users_page(
    connection: AsyncConnection[Row],
    creator_id: str,
    now: datetime,
    channel: ChannelType | None = None,
    status: UserStatus | None = None,
    search: str | None = None,
    sort: UserSort = UserSort.CREATED_AT,
    order: SortOrder = SortOrder.DESC,
    page: int = 1,
    limit: int = 20,
) -> Page[UserRow]:
    """A page of the creator's members, sorted, then by id. `search` is a part of the name or of the address."""
    values = {
        "creator_id": creator_id,
        "channel": channel and channel.value,
        "active": None if status is None else status is UserStatus.ACTIVE,
        "search": search,
        "limit": limit,
        "offset": offset_of(page, limit),
        **times(now),
    }
    ((total,),) = await (await connection.execute(TOTAL, values)).fetchall()
    ordered = ORDERS[sort].format(direction=order.value)
    rows = await (await connection.execute(PAGE.format(order=ordered), values)).fetchall()
    return Page([_user(row) for row in rows], int(total))


def _user(row: Row) -> UserRow:
    found = UserRow(*row)
    score = round(found.engagement_score, 2)
    return found._replace(channel_type=ChannelType(found.channel_type), engagement_score=score)

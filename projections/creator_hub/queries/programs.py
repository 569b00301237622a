"""Programs as callers read them: pages of a list, the figures of one, and its published versions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.creator_hub.program import ProgramStatus
from projections.creator_hub.queries.pages import Page, offset_of
from projections.creator_hub.rates import mean_duration, share
from streams.core.read_models import Row

DAY_SECONDS = 86_400


class ListedProgram(NamedTuple):
    program_id: str
    program_name: str
    description: str
    status: ProgramStatus
    program_version: int
    created_at: datetime
    updated_at: datetime
    enrolled: int
    completed: int

    @property
    def completion_rate(self) -> float:
        return share(self.completed, self.enrolled)


FILTERS = """
     where p.creator_id = %(creator_id)s and (%(status)s::text is null or p.status = %(status)s)
       and (%(search)s::text is null or position(lower(%(search)s) in lower(p.program_name)) > 0
            or position(lower(%(search)s) in lower(p.description)) > 0)
"""

PAGE = f"""
    select p.program_id, p.program_name, p.description, p.status, p.program_version, p.created_at, p.updated_at,
           coalesce(n.enrolled, 0), coalesce(n.completed, 0)
      from creator_hub_programs p left join creator_hub_program_counters n using (program_id)
    {FILTERS} order by p.created_at desc, p.program_id offset %(offset)s limit %(limit)s
"""


async def programs_page(
    connection: AsyncConnection[Row],
    creator_id: str,
    status: ProgramStatus | None = None,
    search: str | None = None,
    page: int = 1,
    limit: int = 20,
) -> Page[ListedProgram]:
    """A page of the creator's programs, the newest first. `search` is a part of the name or of the description."""
    values = {
        "creator_id": creator_id,
        "status": status and status.value,
        "search": search,
        "limit": limit,
        "offset": offset_of(page, limit),
    }
    counted = await connection.execute(f"select count(*) from creator_hub_programs p {FILTERS}", values)
    ((total,),) = await counted.fetchall()
    rows = await (await connection.execute(PAGE, values)).fetchall()
    found = (ListedProgram(*row) for row in rows)
    return Page([one._replace(status=ProgramStatus(one.status)) for one in found], int(total))


class ProgramAnalytics(NamedTuple):
    """The figures of a program. `wrote` are those enrolled who have written since they enrolled."""

    total: int
    completed: int
    microseconds: int
    wrote: int

    @property
    def active(self) -> int:
        return self.total - self.completed

    @property
    def completion_rate(self) -> float:
        return share(self.completed, self.total)

    @property
    def average_completion_time_days(self) -> float:
        return mean_duration(self.microseconds, self.completed, DAY_SECONDS)

    @property
    def engagement_score(self) -> float:
        return share(self.wrote, self.total)


ANALYTICS = """
    select coalesce(n.enrolled, 0), coalesce(n.completed, 0), coalesce(n.microseconds, 0),
           (select count(*) from creator_hub_enrollments e join creator_hub_members m using (user_id)
             where e.program_id = p.program_id and m.last_sequence > e.sequence)
      from creator_hub_programs p left join creator_hub_program_counters n using (program_id)
     where p.creator_id = %s and p.program_id = %s
"""


async def program_analytics(
    connection: AsyncConnection[Row], creator_id: str, program_id: str
) -> ProgramAnalytics | None:
    """The figures of the creator's program; None if there is none."""
    row = await (await connection.execute(ANALYTICS, (creator_id, program_id))).fetchone()
    return None if row is None else ProgramAnalytics(*row)


class ProgramVersion(NamedTuple):
    """A published version with its enrolments."""

    version: int
    flow_id: str
    published_at: datetime
    enrolled: int
    completed: int

    @property
    def completion_rate(self) -> float:
        return share(self.completed, self.enrolled)


VERSIONS = """
    select f.flow_version, f.flow_id, f.pinned_at, e.enrolled, e.completed
      from creator_hub_flows f
     cross join lateral (
           select count(*) enrolled, count(completed_at) completed
             from creator_hub_enrollments where flow_id = f.flow_id) e
     where f.creator_id = %s and f.program_id = %s order by f.flow_version desc
"""


async def versions_of(connection: AsyncConnection[Row], creator_id: str, program_id: str) -> list[ProgramVersion]:
    """The published versions of the creator's program, the newest first."""
    rows = await (await connection.execute(VERSIONS, (creator_id, program_id))).fetchall()
    return [ProgramVersion(*row) for row in rows]

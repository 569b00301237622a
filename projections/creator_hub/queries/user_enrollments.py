"""The enrolments of a member, with the progress in each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection

from streams.core.read_models import Row


class EnrollmentStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"


class EnrollmentRow(NamedTuple):
    """An enrolment. `progress` is 0 to 1; `program_name` is the one of today."""

    enrollment_id: str
    user_id: str
    program_id: str
    program_name: str
    status: EnrollmentStatus
    progress: float
    flow_version: int
    node: str | None
    enrolled_at: datetime
    completed_at: datetime | None


ENROLLMENTS = """
    select e.enrollment_id, e.user_id, e.program_id, p.program_name,
           case when e.completed_at is null then 'active' else 'completed' end,
           case when e.completed_at is not null then 1
                else coalesce((select max(s.progress) from creator_hub_steps s
                                where s.enrollment_id = e.enrollment_id), 0) end::float8,
           e.flow_version, e.node, e.enrolled_at, e.completed_at
      from creator_hub_enrollments e join creator_hub_programs p using (program_id)
     where e.creator_id = %(creator_id)s and e.user_id = %(user_id)s
"""


async def enrollments_of(connection: AsyncConnection[Row], creator_id: str, user_id: str) -> list[EnrollmentRow]:
    """The enrolments of the creator's member, the newest first."""
    values = {"creator_id": creator_id, "user_id": user_id}
    by = "order by e.enrolled_at desc, e.enrollment_id"
    return [_enrollment(row) for row in await (await connection.execute(f"{ENROLLMENTS} {by}", values)).fetchall()]


async def enrollment_in(
    connection: AsyncConnection[Row], creator_id: str, user_id: str, program_id: str
) -> EnrollmentRow | None:
    """The one enrolment of the creator's member in a program; None if there is none."""
    values = {"creator_id": creator_id, "user_id": user_id, "program_id": program_id}
    row = await (await connection.execute(f"{ENROLLMENTS} and e.program_id = %(program_id)s", values)).fetchone()
    return None if row is None else _enrollment(row)


def _enrollment(row: Row) -> EnrollmentRow:
    found = EnrollmentRow(*row)
    return found._replace(status=EnrollmentStatus(found.status))

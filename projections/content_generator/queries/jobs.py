"""Jobs as callers read them: one by its id, and lists, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.kinds import Channel, JobKind, JobStatus
from domain.content_generator.sync_job import ChannelError, ChannelResult
from projections.content_generator.job_counters import ALL
from streams.core.read_models import Row


class JobRow(NamedTuple):
    """A run of a job. While it is in progress, only channels that have an answer are in `results` and `errors`."""

    job_id: str
    tenant: str
    kind: JobKind
    root: str
    run: int
    status: JobStatus
    channels: tuple[Channel, ...]
    document_id: str
    correlation_id: str
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    restated_at: datetime | None
    results: Mapping[Channel, ChannelResult]
    errors: Sequence[ChannelError]


BY_ID = f"""
    select {", ".join(f"j.{name}" for name in JobRow._fields if name not in ("results", "errors"))},
           coalesce(j.results, s.results, '{{}}'), coalesce(j.errors, s.errors, '[]')
      from content_generator_jobs j
      left join lateral (
           select jsonb_object_agg(channel, result) results,
                  jsonb_agg(error order by answered_at, channel) filter (where error is not null) errors
             from content_generator_channel_states
            where job_id = j.job_id and result is not null and j.results is null) s on true
     where j.job_id = %s and j.tenant = %s
"""


async def job_by_id(connection: AsyncConnection[Row], tenant: str, job_id: str) -> JobRow | None:
    """The tenant's job, of either kind; None if there is none."""
    row = await (await connection.execute(BY_ID, (job_id, tenant))).fetchone()
    return None if row is None else _job(JobRow(*row))


def _job(row: JobRow) -> JobRow:
    """The row with its columns of JSON read, and channels in the order in which they were asked for."""
    channels = tuple(Channel(channel) for channel in row.channels)
    results: Mapping[Any, Any] = row.results
    return row._replace(
        kind=JobKind(row.kind),
        status=JobStatus(row.status),
        channels=channels,
        results={one: ChannelResult.model_validate(results[one]) for one in channels if one in results},
        errors=tuple(ChannelError.model_validate(error) for error in row.errors),
    )


class ListedJob(NamedTuple):
    """A sync job in a list."""

    job_id: str
    status: JobStatus
    created_at: datetime
    channels: tuple[Channel, ...]
    due_at: datetime | None
    completed_at: datetime | None


class JobPage(NamedTuple):
    """A page of a list, and the number of jobs in all its pages."""

    jobs: list[ListedJob]
    total: int


TOTAL = """
    select coalesce(sum(jobs), 0)::bigint from content_generator_job_counters
     where tenant = %(tenant)s and channel = %(channel)s and (%(status)s::text is null or status = %(status)s)
"""

HOUR = """
    select hour + interval '1 hour' as until, passed - jobs as skipped
      from (select hour, jobs, (sum(jobs) over (order by hour desc rows unbounded preceding))::bigint as passed
              from content_generator_job_hours
             where tenant = %(tenant)s and channel = %(channel)s and status = coalesce(%(status)s, 'all')) hours
     where passed > %(offset)s and not exists (
           select from content_generator_job_hours
            where tenant = %(tenant)s and channel = %(channel)s and status = coalesce(%(status)s, 'all')
              and hour = 'epoch' and jobs <> 0)
     order by hour desc limit 1
"""
"""The hour that a page begins in: its end, and how many jobs of the list are newer. No row if hours are not known."""

JOBS_OF = """
    select job_id from content_generator_jobs
     where tenant = %(tenant)s and kind = 'sync' {where}
"""

JOBS_OF_CHANNEL = """
    select job_id from content_generator_channel_states
     where tenant = %(tenant)s and channel = %(channel)s and kind = 'sync' {where}
"""

NEWEST = "created_at desc, job_id"

PAGE = f"""
    with start as ({HOUR}), page as (
        {{jobs}} and created_at < coalesce((select until from start), 'infinity')
          order by {NEWEST} offset %(offset)s - coalesce((select skipped from start), 0) limit %(limit)s)
    select {", ".join(ListedJob._fields)} from content_generator_jobs
     where job_id in (select job_id from page) order by {NEWEST}
"""


async def jobs_page(
    connection: AsyncConnection[Row],
    tenant: str,
    status: JobStatus | None = None,
    channel: Channel | None = None,
    page: int = 1,
    limit: int = 10,
) -> JobPage:
    """A page of the tenant's sync jobs and retries, the newest first. Pages count from 1; past the end is nothing."""
    filters = {"status": status and status.value, "channel": ALL if channel is None else channel.value}
    values: dict[str, object] = {"tenant": tenant, **filters}
    row = await (await connection.execute(TOTAL, values)).fetchone()
    total = 0 if row is None else int(row[0])
    offset = (page - 1) * limit
    if offset >= total:
        return JobPage([], total)
    page_of = page_query(values["channel"] == ALL, status)
    rows = await (await connection.execute(page_of, values | {"offset": offset, "limit": limit})).fetchall()
    return JobPage([_listed(ListedJob(*one)) for one in rows], total)


def page_query(of_all: bool, status: JobStatus | None) -> bytes:
    """The query for a page of all jobs or of a channel's. It reads the jobs of an hour at most, besides the page."""
    column = "status" if of_all else "job_status"
    where = "" if status is None else f"and {column} = %(status)s"
    return PAGE.format(jobs=(JOBS_OF if of_all else JOBS_OF_CHANNEL).format(where=where)).encode()


def _listed(row: ListedJob) -> ListedJob:
    return row._replace(status=JobStatus(row.status), channels=tuple(Channel(one) for one in row.channels))

"""The plans of lists and metrics: none reads a table from end to end, however many jobs there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import LiteralString

import pytest
from psycopg import AsyncConnection

from domain.content_generator.kinds import Channel, JobStatus
from projections.content_generator.job_counters import ALL
from projections.content_generator.queries.jobs import JobPage, jobs_page, page_query
from projections.content_generator.queries.metrics import COUNTERS, DOCUMENTS, LAST_SYNCS
from streams.core.read_models import Row
from tests.projections.content_generator.running import TENANT
from tests.projections.tables import Tables

JOBS = 20_000
STATUSES, CHANNELS = list(JobStatus), list(Channel)

FILL: tuple[LiteralString, ...] = (
    """
    insert into read_models.content_generator_jobs_v1
           (job_id, tenant, kind, root, run, status, channels, document_id, correlation_id, created_at)
    select 'job-' || n, case when n %% 2 = 0 then 'acme' else 'other' end, 'sync', n::text, 0,
           (array['pending', 'in_progress', 'completed', 'partial', 'failed'])[1 + n / 2 %% 5],
           '["email", "website"]', 'notion:' || n, 'c', timestamptz '2026-01-01Z' + n / 3 * interval '1 minute'
      from generate_series(1, %(jobs)s) n
    """,
    """
    insert into read_models.content_generator_channel_states_v1
           (job_id, channel, tenant, kind, job_status, created_at)
    select job_id, channel, tenant, kind, status, created_at
      from read_models.content_generator_jobs_v1, unnest(array['email', 'website']) channel
    """,
    """
    insert into read_models.content_generator_job_counters_v1 (tenant, channel, status, jobs)
    select tenant, channel, status, count(*)
      from read_models.content_generator_jobs_v1, unnest(array['all', 'email', 'website']) channel group by 1, 2, 3
    """,
    """
    insert into read_models.content_generator_job_hours_v1 (tenant, channel, status, hour, jobs)
    select tenant, channel, any_status, date_trunc('hour', created_at), count(*)
      from read_models.content_generator_jobs_v1, unnest(array['all', 'email', 'website']) channel,
           unnest(array[status, 'all']) any_status group by 1, 2, 3, 4
    """,
    """
    insert into read_models.content_generator_syncs_v1 (tenant, document_id, partition, completed_at)
    select tenant, document_id, 0, created_at from read_models.content_generator_jobs_v1
    """,
    "analyze",
)


async def fill(connection: AsyncConnection[Row], jobs: int) -> None:
    for sql in FILL:
        await connection.execute(sql, {"jobs": jobs} if "%(jobs)s" in sql else None)


@pytest.fixture(scope="module")
def filled(tables: Tables) -> Tables:
    tables.clear()
    tables.ask(fill, JOBS)
    return tables


async def plan(connection: AsyncConnection[Row], sql: bytes, values: Sequence[object] | Mapping[str, object]) -> str:
    rows = await (await connection.execute(b"explain " + sql, values)).fetchall()
    return "\n".join(line for (line,) in rows)


PARAMETERS = re.compile("InitPlan|CTE Scan on start")
JOBS_READ = re.compile("Index Only Scan .* on content_generator_(jobs|channel_states)_v1")
FILTERS = list(product((None, *STATUSES[2:4]), (None, Channel.WEBSITE)))


@pytest.mark.parametrize("offset", [0, JOBS // 2 - 30])
@pytest.mark.parametrize(("status", "channel"), FILTERS)
def test_a_page_of_jobs_is_read_from_an_index_in_its_order(
    filled: Tables, status: JobStatus | None, channel: Channel | None, offset: int
) -> None:
    name = ALL if channel is None else channel.value
    values: dict[str, object] = {"tenant": TENANT, "status": status and status.value, "channel": name}
    found = filled.ask(plan, page_query(channel is None, status), values | {"offset": offset, "limit": 10})
    assert "Seq Scan" not in found, found
    steps = [line for line in found.splitlines() if not PARAMETERS.search(line)]
    reading = next(number for number, step in enumerate(steps) if JOBS_READ.search(step))
    assert "Limit" in steps[reading - 1], found


def test_metrics_are_read_from_indexes(filled: Tables) -> None:
    assert "job_counters" in filled.ask(plan, COUNTERS.encode(), (TENANT,))
    found = filled.ask(plan, LAST_SYNCS.encode(), (TENANT, DOCUMENTS, DOCUMENTS))
    assert "Seq Scan on content_generator_syncs" not in found, found


@pytest.mark.parametrize(("status", "channel"), FILTERS)
def test_pages_make_one_list(filled: Tables, status: JobStatus | None, channel: Channel | None) -> None:
    size = JOBS // 2 if status is None else JOBS // 10

    def page(number: int, limit: int) -> JobPage:
        return filled.ask(jobs_page, TENANT, status, channel, number, limit)

    assert page(1, 100).total == size
    pages = [job.job_id for number in range(1, size // 500 + 1) for job in page(number, 500).jobs]
    assert len(set(pages)) == len(pages) == size
    assert [job.job_id for job in page(2, size * 2 // 5).jobs] == pages[size * 2 // 5 : size * 4 // 5]
    assert page(size, 1).jobs[0].job_id == pages[-1]
    assert page(size + 1, 1).jobs == []

"""Lists and metrics of a million jobs over HTTP, beside the same pages by `offset` alone.

    python -m bench.lists [--jobs 1000000] [--requests 50]

One tenant has half of the jobs, as many in an hour as `--hourly` says. The tables are filled as the projections would
leave them. The baseline is a query that skips the pages before on the same index, without HTTP.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, LiteralString, NamedTuple

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from bench.gccp import percentile
from bench.product import Product, product
from streams.core.read_models import Row

LIMIT = 20
TENANTS = "array['default', 'other']"
STATUSES = "array['completed', 'completed', 'completed', 'failed', 'partial', 'pending', 'in_progress', 'completed']"
FILL: tuple[LiteralString, ...] = (
    f"""
    insert into content_generator_jobs
           (job_id, tenant, kind, root, run, status, channels, document_id, correlation_id, created_at, started_at)
    select 'sync-job-' || md5(n::text), ({TENANTS})[1 + n %% 2], 'sync', md5(n::text), 0, ({STATUSES})[1 + n / 2 %% 8],
           '["email", "website", "twitter"]', 'notion:' || n %% 5000, md5(n::text), made, made
      from generate_series(1, %(jobs)s) n,
           lateral (select timestamptz '2026-01-01Z' + n / 2 * interval '1 hour' / %(hourly)s as made) times
    """,
    """
    insert into content_generator_channel_states (job_id, channel, tenant, kind, job_status, created_at)
    select job_id, channel, tenant, kind, status, created_at
      from content_generator_jobs, jsonb_array_elements_text(channels) channel
    """,
    """
    insert into content_generator_job_counters (tenant, channel, status, jobs)
    select tenant, channel, status, count(*)
      from content_generator_jobs, unnest(array['all', 'email', 'website', 'twitter']) channel group by 1, 2, 3
    """,
    """
    insert into content_generator_job_hours (tenant, channel, status, hour, jobs)
    select tenant, channel, any_status, date_trunc('hour', created_at), count(*)
      from content_generator_jobs, unnest(array['all', 'email', 'website', 'twitter']) channel,
           unnest(array[status, 'all']) any_status group by 1, 2, 3, 4
    """,
    """
    insert into content_generator_syncs (tenant, document_id, partition, completed_at)
    select tenant, document_id, partition, max(created_at)
      from content_generator_jobs, generate_series(0, 3) partition group by 1, 2, 3
    """,
)
SKIPPED = """
    select job_id, status, created_at, channels, due_at, completed_at from content_generator_jobs
     where tenant = 'default' and kind = 'sync' order by created_at desc, job_id offset %s limit %s
"""


class Measured(NamedTuple):
    """The milliseconds of requests, and what was asked."""

    name: str
    milliseconds: list[float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1_000_000)
    options.add_argument("--hourly", type=int, default=1_000, help="jobs of a tenant in an hour")
    options.add_argument("--requests", type=int, default=50)
    given = options.parse_args()
    with (
        product() as running,
        client_of(running) as client,
        psycopg.connect(running.dsn, autocommit=True) as connection,
    ):
        began = time.perf_counter()
        fill(connection, given.jobs, given.hourly)
        took = time.perf_counter() - began
        Console().print(f"{given.jobs:,} jobs, {given.hourly:,} of a tenant in an hour, filled in {took:.0f} s")
        report([*requests(client, given.jobs // 2, given.requests), *baseline(connection, given.jobs // 2)])


def client_of(running: Product) -> httpx2.Client:
    url = f"{running.process.url}/content-generator/api/v2"
    return httpx2.Client(base_url=url, headers={"X-API-Key": running.key}, timeout=60, verify=False)


def fill(connection: psycopg.Connection[Row], jobs: int, hourly: int) -> None:
    connection.execute("set search_path = read_models")
    for sql in FILL:
        connection.execute(sql, {"jobs": jobs, "hourly": hourly} if "%(jobs)s" in sql else None)
    connection.execute("vacuum analyze")


def requests(client: httpx2.Client, jobs: int, number: int) -> Iterator[Measured]:
    """The first, middle and last page of each list, and the metrics."""
    for name, query in {
        "all jobs": {},
        "completed": {"status": "completed"},
        "website": {"channel": "website"},
        "failed on website": {"status": "failed", "channel": "website"},
    }.items():
        last = -(-client.get("/jobs", params={**query, "limit": LIMIT}).json()["total"] // LIMIT)
        for place, page in {"first": 1, "middle": last // 2, "last": last}.items():
            yield measured(f"{name}, {place} page", number, listing(client, {**query, "limit": LIMIT, "page": page}))
    answer = client.get("/metrics").json()
    assert answer["total_jobs"] == jobs, answer
    yield measured("metrics", number, lambda: client.get("/metrics").raise_for_status())


def listing(client: httpx2.Client, query: Mapping[str, Any]) -> Callable[[], object]:
    def ask() -> None:
        answer = client.get("/jobs", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["jobs"], "the page is empty"

    return ask


def baseline(connection: psycopg.Connection[Row], jobs: int) -> Iterator[Measured]:
    for place, offset in {"first": 0, "middle": jobs // 2, "last": jobs - LIMIT}.items():
        yield measured(f"by offset alone, {place}", 10, partial(skipping, connection, offset))


def skipping(connection: psycopg.Connection[Row], offset: int) -> None:
    assert connection.execute(SKIPPED, (offset, LIMIT)).fetchall()


def measured(name: str, number: int, ask: Callable[[], object]) -> Measured:
    ask()
    took = []
    for _ in range(number):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1_000)
    return Measured(name, took)


def report(found: list[Measured]) -> None:
    table = Table("what", "p50 ms", "p99 ms", "slowest ms")
    for name, times in found:
        table.add_row(name, *(f"{one:.1f}" for one in (percentile(times, 0.5), percentile(times, 0.99), max(times))))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

"""Sync jobs a second: requested over HTTP, each of a document to a page and two posts, until the last one is over.

    python -m bench.jobs [--jobs 1000] [--clients 32]

The sandbox stands in for every provider, so that the figure is the product's. The baseline copies as many rows as the
jobs left in the journal into a table like it, 64 a transaction, and does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from bench.core import raw_copy
from bench.gccp import percentile, processor_seconds, resident_mb
from bench.product import Product, product

JOB = {"document_id": "gdocs:newsletter", "channels": ["website", "twitter", "linkedin"]}
OPEN = "select count(*) from read_models.content_generator_jobs where completed_at is null"
DONE = "select count(*) from read_models.content_generator_jobs where status = 'completed'"
RECORDS = "select count(*) from headwater.journal where context = 'content_generator'"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1_000)
    options.add_argument("--clients", type=int, default=32)
    given = options.parse_args()
    with product() as running, psycopg.connect(running.dsn, autocommit=True) as connection:
        asyncio.run(measured(running, connection, given.clients, given.clients))  # caches and connections are made
        asyncio.run(measured(running, connection, given.jobs, given.clients, show=True))
        records = number(connection, RECORDS)
        Console().print(f"raw COPY of journal rows, 64 a transaction: {raw_copy(connection, records // 64, 64):,.0f}/s")


async def measured(
    running: Product, connection: psycopg.Connection, jobs: int, clients: int, show: bool = False
) -> None:
    pid, records, done = running.process.pid, number(connection, RECORDS), number(connection, DONE)
    used, began = processor_seconds(pid), time.perf_counter()
    answers = await requested(running, jobs, clients)
    asked = time.perf_counter() - began
    while number(connection, OPEN):
        await asyncio.sleep(0.05)
    took, used = time.perf_counter() - began, processor_seconds(pid) - used
    assert number(connection, DONE) - done == jobs, "a job was not completed"
    if show:
        records = number(connection, RECORDS) - records
        table = Table("jobs", "asked p50 ms", "p99 ms", "asked/s", "done/s", "records/s", "CPU ms a job", "MB")
        answered = (f"{1_000 * percentile(answers, part):.0f}" for part in (0.5, 0.99))
        rates = (f"{jobs / asked:,.0f}", f"{jobs / took:,.0f}", f"{records / took:,.0f}")
        table.add_row(f"{jobs:,}", *answered, *rates, f"{1_000 * used / jobs:.1f}", f"{resident_mb(pid):.0f}")
        Console(width=120).print(table)


async def requested(running: Product, jobs: int, clients: int) -> list[float]:
    """The seconds of every request; each client sends one after the other."""
    answers: list[float] = []

    async def client(numbers: Iterator[int], http: httpx2.AsyncClient) -> None:
        for _ in numbers:
            began = time.perf_counter()
            answer = await http.post("/content/sync", json=JOB)
            assert answer.status_code == 200, answer.text
            answers.append(time.perf_counter() - began)

    url, numbers = f"{running.process.url}/content-generator/api/v2", iter(range(jobs))
    async with httpx2.AsyncClient(base_url=url, headers={"X-API-Key": running.key}, timeout=60, verify=False) as http:
        await asyncio.gather(*(client(numbers, http) for _ in range(clients)))
    return answers


def number(connection: psycopg.Connection, sql: str) -> int:
    row = connection.execute(sql.encode()).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()

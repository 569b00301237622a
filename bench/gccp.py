"""Generations in flight, streams at once, and PDF pages a second, over HTTP against a fake provider.

    python -m bench.gccp [--generations 1000] [--streams 200] [--documents 40]

The provider is a process of its own that writes a piece of text every so often. The same streams read straight from it
are the baseline: what the proxy adds is the difference. Provider, server and clients share this machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from bench.databases import new_server
from bench.pdf import LESSON
from tests.api.gccp.service import USUAL, bearer
from tests.api.process import Process
from tests.imitations.llm_server import Act, acts

PIECES = 20
SECONDS_BETWEEN = 0.05
TALK = {"messages": [{"role": "user", "content": "Explain"}], "model": "claude-sonnet-4-5-20250929"}
COURSE = {"topic": "Machine learning", "subtopics": "supervised, unsupervised", "mode": "lecture"}
AT_ONCE_PER_USER = {"generate": 5, "stream": 20}
KEY = "sk-bench"

console = Console(highlight=False, width=120)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--generations", type=int, default=1_000)
    options.add_argument("--streams", type=int, default=200)
    options.add_argument("--documents", type=int, default=40)
    given = options.parse_args()
    with new_server() as server, provider() as upstream:
        database = server.dsn
        process = Process(
            database,
            server.directory / "log",
            **USUAL | {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": upstream, "HEADWATER_GCCP_PDF_WORKERS": "2"},
        )
        process.start()
        try:
            asyncio.run(streams(process, upstream, 1))
            asyncio.run(streams(process, upstream, given.streams))
            asyncio.run(generations(process, upstream, database, given.generations))
            asyncio.run(documents(process, given.documents))
        finally:
            process.stop()


@contextmanager
def provider() -> Iterator[str]:
    """The address of a fake provider, which runs in a separate process."""
    command = [sys.executable, "-m", "tests.imitations.anthropic"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.kill()


def user(number: int) -> dict[str, str]:
    """The header of the nth user. Limits are per user, so a benchmark spreads its requests over users."""
    return bearer(str(UUID(int=number + 1, version=4)))


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def resident_mb(pid: int) -> float:
    """The resident memory of a process in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def processor_seconds(pid: int) -> float:
    """The processor time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def script(upstream: str, act: Act, times: int) -> None:
    async with httpx2.AsyncClient(timeout=60) as client:
        await client.post(f"{upstream}/_script", content=acts(*[act] * times))


async def streams(process: Process, upstream: str, number: int) -> None:
    """`number` concurrent streams: the time to the first piece and to the end."""
    act = Act(pieces=["twenty characters.. "] * PIECES, seconds_between=SECONDS_BETWEEN)
    table = Table(
        "", "first piece p50 ms", "p99 ms", "whole p50 s", "p99 s", "server CPU ms each", "MB before", "at most"
    )
    direct = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    asked = TALK | {"max_tokens": 100, "stream": True}
    ways: dict[str, Callable[[httpx2.AsyncClient, int], Awaitable[tuple[float, float]]]] = {
        "straight": lambda client, n: _stream(client, f"{upstream}/v1/messages", direct, asked, b"text_delta"),
        "proxied": lambda client, n: _stream(
            client, f"{process.url}/gccp/api/stream", user(n // AT_ONCE_PER_USER["stream"]), TALK, b'"chunk"'
        ),
    }
    for name, way in ways.items():
        await script(upstream, act, number + 1)
        before, most = resident_mb(process.pid), [0.0]
        watching = asyncio.create_task(_watch(process.pid, most))
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(limits=limits, timeout=120) as client:
            await way(client, number)  # warms up: connections and caches are made at the first request
            taken = processor_seconds(process.pid)
            took = await asyncio.gather(*(way(client, n) for n in range(number)))
        watching.cancel()
        taken = (processor_seconds(process.pid) - taken) * 1000 / number
        first, whole = [one[0] * 1000 for one in took], [one[1] for one in took]
        table.add_row(
            name,
            f"{percentile(first, 0.5):.0f}",
            f"{percentile(first, 0.99):.0f}",
            f"{percentile(whole, 0.5):.2f}",
            f"{percentile(whole, 0.99):.2f}",
            f"{taken:.1f}",
            f"{before:.0f}",
            f"{max(most):.0f}",
        )
    console.print(f"\n{number} streams at once, {PIECES} pieces each, one every {SECONDS_BETWEEN * 1000:.0f} ms")
    console.print(table)


async def _stream(
    client: httpx2.AsyncClient, url: str, headers: dict[str, str], body: object, mark: bytes
) -> tuple[float, float]:
    began, first = time.perf_counter(), 0.0
    async with client.stream("POST", url, headers=headers, json=body) as response:
        assert response.status_code == 200, await response.aread()
        async for data in response.aiter_bytes():
            if not first and mark in data:
                first = time.perf_counter() - began
    return first, time.perf_counter() - began


async def _watch(pid: int, most: list[float]) -> None:
    while True:
        most.append(resident_mb(pid))
        await asyncio.sleep(0.1)


async def generations(process: Process, upstream: str, database: str, number: int) -> None:
    """`number` concurrent generations, from the first request to the end of the last one."""
    await script(upstream, Act(pieces=["words "] * 4, seconds_between=SECONDS_BETWEEN), number * 5)
    before, most, taken = resident_mb(process.pid), [0.0], processor_seconds(process.pid)
    watching = asyncio.create_task(_watch(process.pid, most))
    gate, began = asyncio.Semaphore(64), time.perf_counter()
    async with httpx2.AsyncClient(base_url=f"{process.url}/gccp/api", timeout=120) as client:
        asked = await asyncio.gather(*(_ask(client, gate, n) for n in range(number)))
    all_asked = time.perf_counter() - began
    with psycopg.connect(database, autocommit=True) as connection:
        in_flight = _count(connection, "status in ('queued', 'processing')")
        while _count(connection, "status in ('queued', 'processing')"):
            await asyncio.sleep(0.1)
        completed = _count(connection, "status = 'completed'")
    took = time.perf_counter() - began
    watching.cancel()
    console.print(f"\n{number} generations, {number * 5} calls of {4 * SECONDS_BETWEEN:.1f} s each at the provider")
    per_call = (processor_seconds(process.pid) - taken) * 1000 / (number * 5)
    table = Table(
        "asked p50 ms",
        "p99 ms",
        "all asked s",
        "then in flight",
        "all done s",
        "calls/s",
        "completed",
        "server CPU ms a call",
        "MB before",
        "at most",
    )
    table.add_row(
        f"{percentile(asked, 0.5) * 1000:.0f}",
        f"{percentile(asked, 0.99) * 1000:.0f}",
        f"{all_asked:.1f}",
        str(in_flight),
        f"{took:.1f}",
        f"{number * 5 / took:,.0f}",
        str(completed),
        f"{per_call:.1f}",
        f"{before:.0f}",
        f"{max(most):.0f}",
    )
    console.print(table)


async def _ask(client: httpx2.AsyncClient, gate: asyncio.Semaphore, number: int) -> float:
    async with gate:
        began = time.perf_counter()
        answer = await client.post("/generate", json=COURSE, headers=user(number // AT_ONCE_PER_USER["generate"]))
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - began


def _count(connection: psycopg.Connection, where: str) -> int:
    row = connection.execute(f"select count(*) from read_models.gccp_generations where {where}".encode()).fetchone()
    return row[0] if row else 0


async def documents(process: Process, number: int) -> None:
    """PDFs of twenty lessons each, four concurrent."""
    content = "\n\n".join(LESSON.format(number=lesson) for lesson in range(20))
    gate, times = asyncio.Semaphore(4), list[float]()
    pages = 0

    async def export(client: httpx2.AsyncClient, n: int) -> None:
        nonlocal pages
        async with gate:
            began = time.perf_counter()
            answer = await client.post("/export/pdf", json={"content": content}, headers=user(1000 + n))
            assert answer.status_code == 200, answer.text
            times.append(time.perf_counter() - began)
            pages += answer.content.count(b"/Type/Page/")

    async with httpx2.AsyncClient(base_url=f"{process.url}/gccp/api", timeout=120) as client:
        await export(client, 0)
        times.clear()
        pages, began = 0, time.perf_counter()
        await asyncio.gather(*(export(client, n) for n in range(number)))
    took = time.perf_counter() - began
    console.print(f"\n{number} PDFs of {pages // number} pages, four at a time, two workers")
    table = Table("documents/s", "pages/s", "p50 ms", "p99 ms")
    table.add_row(
        f"{number / took:.1f}",
        f"{pages / took:.0f}",
        f"{percentile(times, 0.5) * 1000:.0f}",
        f"{percentile(times, 0.99) * 1000:.0f}",
    )
    console.print(table)


if __name__ == "__main__":
    main()

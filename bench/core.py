"""The engine without HTTP: the core in memory, journal and projections together, memory, and a rebuild.

    python -m bench.core [--events 1000000]

The baselines: the same number of events built and serialized and nothing else, and a raw COPY into the journal's table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from rich.console import Console

from bench.databases import new_server
from streams.core.batch import Head
from streams.core.clock import SystemClock
from streams.core.gateway import envelop
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.read_models import Row
from streams.core.wiring import names_of
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres import rebuild
from streams.postgres.catch_up import catch_up
from streams.postgres.database import connect_plain
from streams.postgres.installation import projection_of
from streams.postgres.journal import COLUMNS
from streams.telemetry.garbage import spare_what_lives
from tests.contract.runtimes import START, Supplier
from tests.contract.shelf import JARS, SHELF, FillJar, JarFilled, OpenJar, Supply

BATCH = 64
console = Console(highlight=False, width=120)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=200_000)
    given = options.parse_args()
    in_memory()
    with new_server() as server:
        asyncio.run(journaled(server.dsn, given.events))


def in_memory(commands: int = 60_000) -> None:
    """Commands a second through the core alone, and a floor: making and serializing one event for each.

    The commands are made before the measurement, since making them is the edge's work.
    """
    mapper = Mapper(names_of([SHELF]), Keyring(os.urandom(32)))
    processor = Processor([SHELF], mapper)
    for partition in range(4):
        processor.adopt("shelf", partition, Head())
    made = [
        envelop(
            FillJar(at=START, jar=f"jar {n % 5000}", owner=f"owner {n % 5000 % BATCH}", grams=0), "shelf", 4, "bench"
        )
        for n in range(commands + BATCH)
    ]

    def decide(n: int) -> None:
        batch = made[n : n + BATCH]
        processor.wants(batch)
        processor.committed(processor.decide(batch))

    def floor(n: int) -> None:
        for i in range(BATCH):
            mapper.encode(JarFilled(at=datetime.now(UTC), jar=f"jar {n + i}", grams=0))

    spare_what_lives()
    console.print(f"core in memory: {rate(decide, commands):,.0f} commands/s of processor time")
    console.print(f"one event made and serialized for each, nothing else: {rate(floor, commands):,.0f}/s")


def rate(work: Callable[[int], None], total: int) -> float:
    work(0)
    began = time.process_time()
    for n in range(0, total, BATCH):
        work(n)
    return total / (time.process_time() - began)


async def journaled(dsn: str, events: int) -> None:
    """Events a second into journal, read models and checkpoints; memory at each quarter; then a rebuild under load."""
    runtime = EmbeddedRuntime(dsn, [SHELF], bytes(32), SystemClock(), {("shelf", Supply): Supplier()}, working=False)
    async with runtime.run():
        commands = events // 3
        for quarter in range(4):
            began = time.perf_counter()
            await load(runtime, quarter, commands // 4)
            took = time.perf_counter() - began
            events_so_far = 3 * (quarter + 1) * (commands // 4)
            console.print(f"journal and two read models: {3 * (commands // 4) / took:,.0f} events/s")
            console.print(f"  resident {resident_mb():,.0f} MB after {events_so_far:,} events")
        with connect_plain(dsn) as connection:
            raw = await asyncio.to_thread(raw_copy, connection)
            console.print(f"raw COPY of journal rows, 200 a transaction: {raw:,.0f} events/s")
            await rebuilt(runtime, connection, 3 * commands)


async def load(runtime: EmbeddedRuntime, quarter: int, commands: int) -> None:
    waiting = iter(range(commands))

    async def client() -> None:
        for n in waiting:
            opening = OpenJar(at=START, jar=f"{quarter}/{n}", owner=f"owner {n % 5000}", note="plums of the year")
            await runtime.gateway.submit(envelop(opening, "shelf", 4, "bench"), 60)

    await asyncio.gather(*(client() for _ in range(256)))


async def rebuilt(runtime: EmbeddedRuntime, connection: Connection[Row], events: int) -> None:
    """The time of a rebuild under load, and the latency that it adds to commands."""
    alone = await paced(runtime, "alone", asyncio.sleep(3))
    began = time.perf_counter()
    beside = await paced(runtime, "beside", asyncio.to_thread(_rebuild, connection))
    took = time.perf_counter() - began
    console.print(
        f"rebuild over {events:,} events: {took:.1f} s ({events / took:,.0f} events/s);"
        f" a command meanwhile p50 {beside:.1f} ms (without it {alone:.1f} ms)"
    )


async def paced(runtime: EmbeddedRuntime, name: str, until: Coroutine[Any, Any, None]) -> float:
    """The median latency in milliseconds of sequential commands while another task runs."""
    running = asyncio.create_task(until)
    took: list[float] = []
    while not running.done():
        began = time.perf_counter()
        opening = OpenJar(at=START, jar=f"{name} {len(took)}", owner="somebody")
        await runtime.gateway.submit(envelop(opening, "shelf", 4, "bench"), 60)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    await running
    return sorted(took)[len(took) // 2] * 1_000


def _rebuild(connection: Connection[Row]) -> None:
    projection = projection_of("shelf", JARS)
    mapper = Mapper(names_of([SHELF]), Keyring(bytes(32)))
    active = rebuild.activate(connection, projection, rebuild.create(connection, projection, JARS))
    catch_up(connection, active, mapper)
    rebuild.join_writers(connection, active, mapper, "shadow")
    rebuild.swap(connection, active)


def raw_copy(connection: Connection[Row], transactions: int = 200, size: int = 200) -> float:
    rows = connection.execute(f"select {COLUMNS} from headwater.journal j limit {size}".encode()).fetchall()
    connection.execute("create table headwater.copied (like headwater.journal)")
    began = time.perf_counter()
    for _ in range(transactions):
        with connection.transaction(), connection.cursor().copy("copy headwater.copied from stdin") as copy:
            for row in rows:
                copy.write_row(row)
    return transactions * len(rows) / (time.perf_counter() - began)


def resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

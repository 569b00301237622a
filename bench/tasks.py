"""Tasks: how fast a worker claims, performs and ends a backlog of outside calls, and calls as they come.

python -m bench.tasks [--tasks 20000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator

from rich.console import Console

from bench.databases import new_server
from streams.core.clock import SystemClock
from streams.core.gateway import envelop
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import connect
from streams.telemetry.garbage import spare_what_lives
from tests.contract.runtimes import START, Supplier
from tests.contract.shelf import SHELF, OrderFilling, Supply

OWNERS = 5000
console = Console(highlight=False, width=120)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tasks", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with new_server() as server:
        spare_what_lives()
        for number in range(given.rounds):
            asyncio.run(measured(server.database(f"bench_{number}"), given.tasks))


async def measured(dsn: str, tasks: int) -> None:
    async with _runtime(dsn, working=False).run() as runtime:
        await order(runtime, iter(range(tasks)))
    began, used = time.perf_counter(), time.process_time()
    async with _runtime(dsn).run():
        await until_none_is_left(dsn)
        took, used = time.perf_counter() - began, time.process_time() - used
    each = used / tasks * 1e6
    console.print(f"a backlog of {tasks:,} calls: {tasks / took:,.0f}/s, {each:,.0f} us of processor time each")
    async with _runtime(dsn).run() as runtime:
        began = time.perf_counter()
        await order(runtime, iter(range(tasks)))
        await until_none_is_left(dsn)
        took = time.perf_counter() - began
    console.print(f"calls as they come: {tasks / took:,.0f}/s, orders included")


def _runtime(dsn: str, working: bool = True) -> EmbeddedRuntime:
    return EmbeddedRuntime(dsn, [SHELF], bytes(32), SystemClock(), {("shelf", Supply): Supplier()}, working=working)


async def order(runtime: EmbeddedRuntime, numbers: Iterator[int]) -> None:
    async def client() -> None:
        for n in numbers:
            ordering = OrderFilling(at=START, jar=f"jar {n}", owner=f"owner {n % OWNERS}", grams=1)
            await runtime.gateway.submit(envelop(ordering, "shelf", 4, "bench"), 60)

    await asyncio.gather(*(client() for _ in range(64)))


async def until_none_is_left(dsn: str) -> None:
    async with await connect(dsn) as connection:
        while await (await connection.execute("select from headwater.tasks limit 1")).fetchone() is not None:
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    main()

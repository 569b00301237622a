"""An instructor's message to a thousand sockets of the whole product: embedded, and over three nodes on Kafka.

    python -m bench.live [--sockets 1000] [--messages 50] [--only embedded|kafka]

The time is from just before the instructor sends to the arrival at each socket, so that decision, commit and row
are in it. `bench.sockets` has the bare loop beside the hub alone. Every role is a process of its own; the clients share
the machine with all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import quantiles
from urllib.parse import urlencode

import httpx2
import orjson
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect

from bench.databases import new_server
from bench.http import free_port
from bench.product import CLI, key_of, product
from bench.sockets import connected, text_of
from tests.api.product import variables_of
from tests.streams.kafka.broker import Broker

NODES = 3
AT_ONCE = 50
"""Sockets that are opened at the same time."""

SPACING_SECONDS = 0.2
WITHIN_SECONDS = 300.0
PATH = "/content-generator/ws/live-updates"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sockets", type=int, default=1_000)
    options.add_argument("--messages", type=int, default=50)
    options.add_argument("--only", choices=["embedded", "kafka"])
    given = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name, installation in {"embedded": embedded, "kafka": on_kafka}.items():
        if given.only in (None, name):
            with installation() as (ports, key):
                report(name, given.sockets, asyncio.run(broadcast(ports, key, given.sockets, given.messages)))


@contextmanager
def embedded() -> Iterator[tuple[list[int], str]]:
    """The port of one process, and an instructor's key."""
    with product() as running:
        yield [int(running.process.url.rpartition(":")[2])], running.key


@contextmanager
def on_kafka() -> Iterator[tuple[list[int], str]]:
    """The ports of three API nodes, and an instructor's key."""
    with Broker() as broker, new_server() as server:
        variables = variables_of(server.dsn, server.directory, 1) | {
            "HEADWATER_KAFKA": broker.bootstrap,
            "HEADWATER_REPLICAS": "1",
            "HEADWATER_MIN_INSYNC": "1",
            "HEADWATER_LOG_LEVEL": "warning",
        }
        subprocess.run([*CLI, "topics", "create"], env=os.environ | variables, check=True, stdout=subprocess.DEVNULL)
        ports = [free_port() for _ in range(NODES)]
        started = [role("projector", variables, 0), role("processor", variables, 0)]
        started += [role("api", variables, port) for port in ports]
        try:
            for port in ports:
                await_ready(port)
            yield ports, key_of(variables)
        finally:
            for one in reversed(started):  # leaves are recorded while there is a processor
                one.terminate()
                one.wait(60)


def role(name: str, variables: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    own = {"HEADWATER_PORT": str(port), "HEADWATER_INSTANCE": f"{name}-{port}"}
    return subprocess.Popen([*CLI, name], env=os.environ | variables | own, stdout=subprocess.DEVNULL)


def await_ready(port: int) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < until:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"the node at {port} is not ready")


async def broadcast(ports: Sequence[int], key: str, sockets: int, messages: int) -> list[float]:
    """The seconds from each message to each socket."""
    gate, found = asyncio.Semaphore(AT_ONCE), list[float]()

    async def join(number: int) -> asyncio.StreamReader:
        query = {"session_id": "bench", "client_id": f"client-{number}", "role": "observer"}
        async with gate:
            return await connected(ports[number % len(ports)], f"{PATH}?{urlencode(query)}")

    began = time.monotonic()
    readers = await asyncio.gather(*(join(number) for number in range(sockets)))
    Console().print(f"{sockets:,} sockets joined in {time.monotonic() - began:.1f} s")
    hearing = asyncio.gather(*(hear(reader, messages, found) for reader in readers))
    query = {"session_id": "bench", "client_id": "sarah", "role": "instructor", "api_key": key}
    async with connect(f"ws://127.0.0.1:{ports[0]}{PATH}?{urlencode(query)}", max_queue=None, proxy=None) as sarah:
        for _ in range(messages):
            await asyncio.sleep(SPACING_SECONDS)
            await sarah.send(orjson.dumps({"type": "technique_change", "title": repr(time.monotonic())}).decode())
        async with asyncio.timeout(WITHIN_SECONDS):
            await hearing
    return found


async def hear(reader: asyncio.StreamReader, messages: int, found: list[float]) -> None:
    left = messages
    while left:
        message = orjson.loads(await text_of(reader))
        if message["type"] == "technique_changed":
            found.append(time.monotonic() - float(message["content"]["title"]))
            left -= 1


def report(name: str, sockets: int, seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=100)
    table = Table("runtime", "sockets", "p50 ms", "p99 ms", "slowest ms")
    table.add_row(name, f"{sockets:,}", *(f"{1_000 * one:.0f}" for one in (cuts[49], cuts[98], max(seconds))))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

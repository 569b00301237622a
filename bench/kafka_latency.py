"""The distributed runtime end to end, every role a process of its own, beside a raw Kafka loop in the same run.

    python -m bench.kafka_latency [--seconds 3] [--rounds 5] [--partitions 1 4 16]

A command counts from its submission in an API process to its outcome read back from PostgreSQL; the raw loop from
produced to read back by a reader of committed records. Then: what a second processor changes, how much memory each role
takes, how long a killed processor's partitions are silent, and how fast the projector catches up.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple
from uuid import uuid4

import uvloop
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg import Connection
from rich.console import Console

from bench.databases import Server, new_server
from bench.kafka_raw import OWNERS, RawClient
from streams.core.gateway import envelop
from streams.core.read_models import Row
from streams.kafka.gateway import KafkaGateway
from streams.kafka.projector import BATCH
from streams.kafka.records import command_headers
from streams.kafka.settings import Cluster
from streams.kafka.supervisor import HEALTHY_SECONDS
from streams.kafka.topics import create
from streams.postgres.database import connect_plain
from streams.telemetry.garbage import spare_what_lives
from tests.contract.runtimes import START
from tests.contract.shelf import FillJar
from tests.streams.kafka.broker import Broker, Kafka
from tests.streams.kafka.runtime import ONE_BROKER, ROOT, Processes, gateway, mapper, new_cluster, set_up, until

CLIENTS = (1, 16, 64)
WARM_SECONDS = 10.0
console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--partitions", type=int, nargs="*", default=[1, 4, 16])
    options.add_argument("--events", type=int, default=60_000, help="for the projector to catch up with")
    given = options.parse_args()
    spare_what_lives()
    with new_server() as server, Broker() as broker:
        for partitions in given.partitions:
            uvloop.run(measured(Kafka(broker.bootstrap), server, partitions, given.seconds, given.rounds))
        uvloop.run(catching_up(Kafka(broker.bootstrap), server, given.events))


@asynccontextmanager
async def installation(kafka: Kafka, server: Server, partitions: int) -> AsyncIterator[tuple[Processes, KafkaGateway]]:
    """One processor, one projector and a gateway on a new database."""
    dsn = server.database(f"bench_{uuid4().hex[:8]}")
    roles = Processes(new_cluster(kafka), dsn, partitions, supervised=True)
    set_up(roles.cluster, roles.dsn, partitions)
    roles.start("projector", "projector-1", "--batch", str(BATCH))
    roles.start("processor", "processor-1")
    try:
        async with gateway(roles) as one:
            yield roles, one
    finally:
        roles.stop_all()


async def measured(kafka: Kafka, server: Server, partitions: int, seconds: float, rounds: int) -> None:
    """Throughput and latency at each number of clients, in turns with the raw loop, so that noise affects both."""
    with raw_loop(kafka.bootstrap, partitions) as raw:
        async with installation(kafka, server, partitions) as (roles, one):
            await load(one, partitions, 64, WARM_SECONDS)
            await asyncio.to_thread(raw.load, 64, WARM_SECONDS / 2)
            for clients in CLIENTS:
                show(partitions, clients, "", await taken_in_turns(one, raw, partitions, clients, seconds, rounds))
            console.print(f"{partitions:2} partitions, memory: {', '.join(memory(roles))}")
            await restart_latency(roles, one, partitions)
            if partitions > 1:
                roles.start("processor", "processor-2")
                await load(one, partitions, CLIENTS[-1], WARM_SECONDS)
                turns = await taken_in_turns(one, raw, partitions, CLIENTS[-1], seconds, rounds)
                show(partitions, CLIENTS[-1], ", two processors", turns)


async def taken_in_turns(
    one: KafkaGateway, raw: RawClient, partitions: int, clients: int, seconds: float, rounds: int
) -> list[Turn]:
    turns = []
    for _ in range(rounds):
        bare = await asyncio.to_thread(raw.load, clients, seconds)
        turns.append(Turn(await load(one, partitions, clients, seconds), bare, seconds))
    return turns


class Turn(NamedTuple):
    """Latencies of the runtime and of the raw loop, over `seconds` each."""

    ours: list[float]
    raw: list[float]
    seconds: float

    @property
    def ratio(self) -> float:
        return len(self.ours) / len(self.raw)


def show(partitions: int, clients: int, how: str, turns: list[Turn]) -> None:
    """Print one line with the medians of the turns."""
    ratio = median(turn.ratio for turn in turns)
    console.print(
        f"{partitions:2} partitions, {clients:2} clients{how}: {medians([(t.ours, t.seconds) for t in turns])};"
        f" raw loop {medians([(t.raw, t.seconds) for t in turns])}; {ratio:.2f} of its throughput"
    )


def medians(turns: Sequence[tuple[list[float], float]]) -> str:
    p50, p99 = (median(sorted(one)[int(len(one) * part)] for one, _ in turns) * 1e3 for part in (0.5, 0.99))
    return f"{median(len(one) / took for one, took in turns):,.0f}/s, p50 {p50:.1f}, p99 {p99:.1f} ms"


async def load(one: KafkaGateway, partitions: int, clients: int, seconds: float) -> list[float]:
    """Latencies of commands; each client submits one after the other."""
    latencies: list[float] = []
    began = time.perf_counter()

    async def client(number: int) -> None:
        turn = number
        while (now := time.perf_counter()) - began < seconds:
            turn += clients
            await one.submit(envelop(a_command(turn), "shelf", partitions, "bench"), 30)
            latencies.append(time.perf_counter() - now)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return latencies


def a_command(number: int) -> FillJar:
    owner = f"owner {number % OWNERS}"
    return FillJar(at=START, jar=f"{owner}'s", owner=owner, grams=0)


def memory(roles: Processes) -> Iterator[str]:
    """The memory of each role, supervisor and child together; shared pages count once."""
    for name, process in roles.running.items():
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        kilobytes = sum(proportional_kilobytes(pid) for pid in (str(process.pid), *children))
        yield f"{name} {kilobytes / 1000:.0f} MB"


def proportional_kilobytes(pid: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def restart_latency(roles: Processes, one: KafkaGateway, partitions: int) -> None:
    """Kill the processor under load and print how long its clients wait until its restart."""
    answered: list[float] = []

    async def client(number: int) -> None:
        for turn in range(number, 1_000_000, 8):
            await one.submit(envelop(a_command(turn), "shelf", partitions, "bench"), 30)
            answered.append(time.perf_counter())

    running = [asyncio.create_task(client(number)) for number in range(8)]
    silences = []
    for _ in range(5):
        await asyncio.sleep(HEALTHY_SECONDS + 1)
        roles.signal_child("processor-1", signal.SIGKILL)
        at = time.perf_counter()
        await asyncio.sleep(0.2)
        count = len(answered)
        await until(lambda count=count: len(answered) > count)  # type: ignore[misc]
        silences.append(time.perf_counter() - at)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    console.print(
        f"headwater, {partitions:2} partitions: a killed processor answers again after"
        f" {sorted(silences)[2]:.2f} s (median of 5; worst {max(silences):.2f} s)"
    )


@contextmanager
def raw_loop(bootstrap: str, partitions: int) -> Iterator[RawClient]:
    """The client of the raw loop, which runs as a separate process."""
    cluster = Cluster(bootstrap, f"raw-{uuid4().hex[:8]}")
    create(cluster, ["shelf"], partitions, ONE_BROKER)
    topics = cluster.commands("shelf"), cluster.events("shelf")
    process = subprocess.Popen([sys.executable, "-m", "bench.kafka_raw", bootstrap, *topics], cwd=ROOT)
    try:
        yield RawClient(bootstrap, *topics, partitions)
    finally:
        process.kill()
        process.wait()


async def catching_up(kafka: Kafka, server: Server, events: int) -> None:
    """Stop the projector while the log grows, then measure its rate of catching up, read models included."""
    async with installation(kafka, server, 4) as (roles, one):
        await load(one, 4, 8, 2)
        roles.signal_child("projector-1", signal.SIGSTOP)
        await asyncio.to_thread(produce, roles, events // 2)
        with connect_plain(roles.dsn) as connection:
            before = projected(connection)
            await until(lambda: end_of_log(roles) >= events, 300)
            roles.signal_child("projector-1", signal.SIGCONT)
            began = time.perf_counter()
            await until(lambda: projected(connection) >= before + events, 300)
            took = time.perf_counter() - began
    console.print(f"projector: {events / took:,.0f} events/s catching up over {events:,}")


def produce(roles: Processes, commands: int) -> None:
    """Produce commands without waiting for their outcomes."""
    by, producer = mapper(), Producer(roles.cluster.client(enable_idempotence=True, linger_ms=20))
    for number in range(commands):
        made = envelop(a_command(number), "shelf", 4, "bench")
        topic, headers = roles.cluster.commands("shelf"), command_headers(made)
        producer.produce(topic, by.encode(made.command), made.command.key.encode(), made.partition, headers=headers)
        producer.poll(0)
    producer.flush(60)


def projected(connection: Connection[Row]) -> int:
    row = connection.execute("select sum(sequence)::bigint from headwater.partitions").fetchone()
    return int(row[0]) if row else 0


def end_of_log(roles: Processes) -> int:
    reader = Consumer(roles.cluster.reader(isolation_level="read_uncommitted"))
    try:
        places = [TopicPartition(roles.cluster.events("shelf"), partition) for partition in range(roles.partitions)]
        return sum(reader.get_watermark_offsets(place, 10)[1] for place in places)
    finally:
        reader.close()


if __name__ == "__main__":
    main()

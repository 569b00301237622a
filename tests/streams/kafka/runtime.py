"""Distributed runtime for tests: roles in separate processes on a real broker, worker and gateway in this process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from kafka.admin import ConfigResource, KafkaAdminClient

from streams.core.clock import ManualClock
from streams.core.envelope import Envelope, Outcome
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import names_of
from streams.kafka import topics
from streams.kafka.gateway import KafkaGateway
from streams.kafka.settings import Cluster
from streams.kafka.topics import Durability
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.rebuild import bring_up
from streams.work.due_notifications import forward_due_notifications
from streams.work.worker import Worker
from tests.contract.runtimes import PARTITIONS, START, Database, Supplier
from tests.contract.shelf import SHELF, Supply
from tests.streams.kafka.broker import Kafka

ROOT = Path(__file__).parents[3]
ONE_BROKER = Durability(replicas=1, min_insync=1)
MASTER_KEY = bytes(32)
_numbers = itertools.count(1)


@dataclass
class Processes:
    """Roles of one installation, each a process of its own, by name; what they print is in a file each."""

    cluster: Cluster
    dsn: str
    partitions: int = PARTITIONS
    supervised: bool = False
    output: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="headwater-roles-")))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, role: str, name: str, *options: str) -> subprocess.Popen[bytes]:
        """Starts a role under this name; `options` go to `tests.streams.kafka.role`."""
        module = "tests.streams.kafka.supervised" if self.supervised else "tests.streams.kafka.role"
        command = [
            sys.executable,
            "-m",
            module,
            role,
            name,
            self.cluster.bootstrap,
            self.cluster.prefix,
            self.dsn,
            str(self.partitions),
            *options,
        ]
        with (self.output / f"{name}.txt").open("ab") as output:
            self.running[name] = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
        return self.running[name]

    def kill(self, name: str) -> None:
        """SIGKILL, as a crash would."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def signal_child(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to the process that a supervised role's supervisor runs."""
        supervisor = self.running[name].pid
        (child,) = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        os.kill(int(child), number)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.running[name].send_signal(number)

    def stop(self, name: str) -> int:
        """SIGTERM, and the exit code."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not stop:\n{self.printed(name)}") from None

    def stop_all(self) -> None:
        for name in list(self.running):
            with contextlib.suppress(AssertionError):
                self.stop(name)

    def printed(self, name: str) -> str:
        return (self.output / f"{name}.txt").read_text(errors="replace")


def new_cluster(kafka: Kafka) -> Cluster:
    """A prefix that nobody has used on this broker."""
    return Cluster(kafka.bootstrap, f"t{os.getpid()}-{next(_numbers)}-{uuid4().hex[:6]}")


def change(cluster: Cluster, topic: str, setting: str, value: str) -> None:
    """Sets up a topic otherwise; returns when the broker has heard of it from its controller."""
    with KafkaAdminClient(**cluster.admin()) as admin:
        admin.alter_configs([ConfigResource("TOPIC", topic, {setting: value})])
        deadline, wanted = time.monotonic() + 60, [ConfigResource("TOPIC", topic)]
        while admin.describe_configs(wanted, config_filter="all")["topic"][topic][setting]["value"] != value:
            assert time.monotonic() < deadline, f"{topic} does not become {setting}={value}"
            time.sleep(0.02)


def set_up(cluster: Cluster, dsn: str, partitions: int = PARTITIONS) -> None:
    """Topics, tables and read models for the shelf."""
    topics.create(cluster, [SHELF.name], partitions, ONE_BROKER)
    with connect_plain(dsn) as connection:
        prepare(connection, [SHELF], partitions, "kafka")
        bring_up(connection, [SHELF], mapper(), lambda _: None)


def mapper() -> Mapper:
    """A mapper with a keyring of its own, as every process has one."""
    return Mapper(names_of([SHELF]), Keyring(MASTER_KEY))


@contextmanager
def processes(kafka: Kafka, dsn: str, partitions: int = PARTITIONS, supervised: bool = False) -> Iterator[Processes]:
    """An installation that is set up, with no role running yet; whatever runs at the end is stopped."""
    roles = Processes(new_cluster(kafka), dsn, partitions, supervised)
    set_up(roles.cluster, dsn, partitions)
    try:
        yield roles
    except BaseException:
        roles.stop_all()
        raise
    roles.stop_all()
    shutil.rmtree(roles.output, ignore_errors=True)


@asynccontextmanager
async def gateway(roles: Processes) -> AsyncIterator[KafkaGateway]:
    """A gateway as an API process has it, once it has found its broker."""
    one = KafkaGateway(roles.cluster, roles.dsn, mapper())
    await one.start()
    try:
        await until(lambda: one.connected)
        yield one
    finally:
        await one.stop()


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Returns once the condition holds; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class KafkaRuntime(Database):
    """The distributed runtime behind the contract's face."""

    def __init__(
        self, roles: Processes, gateway: KafkaGateway, clock: ManualClock, supplier: Supplier, worker: Worker
    ) -> None:
        super().__init__(roles.dsn, clock, worker)
        self.roles, self.gateway, self.clock, self.supplier = roles, gateway, clock, supplier

    async def submit(self, envelope: Envelope, timeout_seconds: float = 60.0) -> Outcome:
        return await self.gateway.submit(envelope, timeout_seconds)

    async def outcome(self, command_id: UUID) -> Outcome | None:
        return await self.gateway.outcome("shelf", command_id)


@asynccontextmanager
async def distributed(
    kafka: Kafka, dsn: str, processors: Sequence[str] = ("p1",), projectors: Sequence[str] = ("j1",)
) -> AsyncIterator[KafkaRuntime]:
    """Topics, processors and projectors in processes of their own; gateway and worker in this one."""
    with processes(kafka, dsn) as roles:
        for name in projectors:
            roles.start("projector", name)
        for name in processors:
            roles.start("processor", name)
        async with working(roles, Supplier()) as runtime:
            yield runtime


@asynccontextmanager
async def working(roles: Processes, supplier: Supplier, work: bool = True) -> AsyncIterator[KafkaRuntime]:
    """Gateway and worker beside an installation's other roles; without `work` the worker stays away."""
    clock = ManualClock(START)
    async with gateway(roles) as one:
        worker = Worker(
            roles.dsn, one, mapper(), clock, {("shelf", Supply): supplier}, ["shelf"], PARTITIONS, "w1", True
        )
        if work:
            worker.start()
        hearing = asyncio.create_task(forward_due_notifications(roles.dsn, worker.due))
        try:
            yield KafkaRuntime(roles, one, clock, supplier, worker)
        finally:
            await worker.stop()
            hearing.cancel()

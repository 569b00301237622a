"""Cluster of three brokers, of which one may fail, for the tests that need replicas."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.streams.kafka.broker import CLUSTER_ID, JARS, JVM, READY_WITHIN, SETTINGS, NotStarted, free_port

NODES = (1, 2, 3)


@contextmanager
def three_brokers() -> Iterator[str]:
    """The addresses of a cluster that runs while the block does."""
    data = Path(tempfile.mkdtemp(prefix="headwater-three-brokers-"))
    ports, controllers = ({node: free_port() for node in NODES} for _ in range(2))
    voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in controllers.items())
    for node in NODES:
        _configure(data, node, ports[node], controllers[node], voters)
    running: list[subprocess.Popen[bytes]] = []
    try:
        format_ = [_start(data, node, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c") for node in NODES]
        assert [one.wait(READY_WITHIN) for one in format_] == [0, 0, 0]
        running += [_start(data, node, "kafka.Kafka") for node in NODES]
        bootstrap = ",".join(f"127.0.0.1:{port}" for port in ports.values())
        _await_all(bootstrap, data)
        yield bootstrap
    finally:
        for one in running:
            one.kill()
            one.wait()
        shutil.rmtree(data, ignore_errors=True)


def _configure(data: Path, node: int, port: int, controller: int, voters: str) -> None:
    settings = SETTINGS.format(
        protocol="PLAINTEXT",
        protocols="PLAINTEXT:PLAINTEXT",
        listeners=f"PLAINTEXT://127.0.0.1:{port}",
        controller=controller,
        data=data / str(node),
    )
    for alone, among_three in (
        ("node.id=1\n", f"node.id={node}\n"),
        (f"voters=1@127.0.0.1:{controller}\n", f"voters={voters}\n"),
        ("replication.factor=1\n", "replication.factor=3\n"),
        (".isr=1\n", ".isr=2\n"),
    ):
        assert alone in settings
        settings = settings.replace(alone, among_three)
    (data / f"{node}.properties").write_text(settings)


def _start(data: Path, node: int, *command: str) -> subprocess.Popen[bytes]:
    with (data / f"{node}.txt").open("ab") as output:
        line = ["java", *JVM, "-cp", f"{JARS}/*", *command, str(data / f"{node}.properties")]
        return subprocess.Popen(line, stdout=output, stderr=output)


def _await_all(bootstrap: str, data: Path) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 250})
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            if len(admin.list_topics(timeout=0.5).brokers) == len(NODES):
                return
        except KafkaException:
            pass
        if time.monotonic() > deadline:
            raise NotStarted("\n".join((data / f"{node}.txt").read_text()[-2000:] for node in NODES))

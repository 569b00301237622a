"""Live figures on a real broker: closed windows equal a recount of the log, also after a kill."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from confluent_kafka import Producer

from streams.core.envelope import OUTCOMES
from streams.kafka.records import record_headers
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.examples import Log
from tests.streams.kafka.load import Load
from tests.streams.kafka.runtime import ROOT, Processes, gateway, processes, until
from tests.streams.kafka.verify import read_log

pytestmark = pytest.mark.faults


@contextmanager
def live(roles: Processes, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable,
        "-m",
        "tests.streams.kafka.live_role",
        roles.cluster.bootstrap,
        roles.cluster.prefix,
        str(port),
    ]
    with (roles.output / "live.txt").open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def shown(port: int) -> dict[str, Any]:
    """What /live says; nothing while it does not answer."""
    try:
        return dict(httpx2.get(f"http://127.0.0.1:{port}/live", timeout=2).json())
    except httpx2.TransportError:
        return {"windows": []}


def totals(report: dict[str, Any]) -> Counter[str]:
    """Events by type, over all closed windows."""
    found: Counter[str] = Counter()
    for window in report["windows"]:
        assert window["closed"]
        for line in window["lines"]:
            found[line["type"]] += line["events"]
    return found


def recount(roles: Processes) -> Counter[str]:
    return Counter(r.name for r in read_log(roles) if not r.stream.startswith(f"{OUTCOMES}/"))


def produce_aborted(roles: Processes) -> None:
    """A transaction that never happened."""
    producer = Producer(roles.cluster.client(transactional_id="aborted"))
    producer.init_transactions(20)
    producer.begin_transaction()
    for record, previous in Log(0).filled(1):
        headers = record_headers(record, previous)
        producer.produce(roles.cluster.events("shelf"), record.data, record.key.encode(), 0, headers=headers)
    producer.flush(20)
    producer.abort_transaction(20)


async def test_live_windows_equal_a_recount_of_the_log_also_after_a_kill(kafka: Kafka, database: str) -> None:
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        roles.start("processor", "p1")
        produce_aborted(roles)
        port = free_port()
        async with gateway(roles) as one:
            load = Load([one], clients=8)
            running = asyncio.create_task(load.run())
            await load.answers(50)
            with live(roles, port):
                await until(lambda: totals(shown(port)).total() > 0, 60)
                await load.answers(50)
            with live(roles, port):
                await load.answers(50)
                load.stop()
                await running
                counted = await asyncio.to_thread(recount, roles)
                await until(lambda: totals(shown(port)) == counted, 60)
                assert counted["shelf.jar.filled.v1"] > 0
                assert first_event(port) == shown(port)
        assert not list(ROOT.glob(f"{roles.cluster.prefix}*"))


def first_event(port: int) -> dict[str, Any]:
    """The first of the server-sent events of /live."""
    accept = {"Accept": "text/event-stream"}
    with httpx2.stream("GET", f"http://127.0.0.1:{port}/live", headers=accept, timeout=10) as response:
        line = next(line for line in response.iter_lines() if line.startswith("data: "))
    return dict(json.loads(line.removeprefix("data: ")))


async def test_live_exits_instead_of_lingering_when_there_is_no_broker(kafka: Kafka, database: str) -> None:
    with processes(kafka, database) as roles:
        away = Processes(type(roles.cluster)(f"127.0.0.1:{free_port()}", roles.cluster.prefix), database)
        with live(away, free_port()) as process:
            await until(lambda: process.poll() not in (None, 0), 60)

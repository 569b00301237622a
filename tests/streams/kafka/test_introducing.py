"""Configured webhook endpoints: API nodes record them as soon as the log can be reached."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

import bootstrap
from domain.webhooks import WebhookEndpointConfigured
from settings import Settings
from streams.core.clock import SystemClock
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import names_of
from streams.kafka import topics
from streams.kafka.node import ApiNode
from streams.kafka.settings import Cluster, Role
from streams.postgres.database import Statement, connect, connect_plain, read
from streams.postgres.installation import prepare
from streams.postgres.rebuild import bring_up
from tests.api.product import listening
from tests.faults.product import CLI
from tests.imitations import listener
from tests.streams.kafka.broker import Broker, free_port
from tests.streams.kafka.runtime import MASTER_KEY, ONE_BROKER, ROOT, until

pytestmark = pytest.mark.faults
NAMES = [context.name for context in bootstrap.CONTEXTS]
PARTITIONS = 2
CONFIGURED = "select count(*) from headwater.journal where name = %s"
ASKED = "select count(*) from headwater.journal where name = 'headwater.command.decided.v2' and actor = 'installation'"


@pytest.fixture
def settings(broker: Broker, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation that knows where its webhooks go, in the environment of this process and those it starts."""
    given = {
        "KAFKA": broker.bootstrap,
        "POSTGRES": database,
        "DATA": str(tmp_path),
        "PARTITIONS": str(PARTITIONS),
        "REPLICAS": "1",
        "MIN_INSYNC": "1",
        "MASTER_KEY": MASTER_KEY.hex(),
        "TOKEN_SECRET": "22" * 32,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"HEADWATER_{name}", value)
    monkeypatch.setenv("GCCP_WEBHOOK_URL", "https://hooks.example.com/gccp")
    monkeypatch.setenv("GCCP_WEBHOOK_SECRET", "a secret to sign with")
    topics.create(Cluster(broker.bootstrap), NAMES, PARTITIONS, ONE_BROKER)
    with connect_plain(database) as connection:
        prepare(connection, bootstrap.CONTEXTS, PARTITIONS)
        bring_up(connection, bootstrap.CONTEXTS, Mapper(names_of(bootstrap.CONTEXTS), Keyring(MASTER_KEY)), _unseen)
    return Settings()


def _unseen(records: int) -> None:
    """There is nothing to rebuild."""


@contextmanager
def running(role: str, output: Path, metrics_port: int) -> Iterator[None]:
    """The role as an operator starts it."""
    environment = os.environ | {"HEADWATER_METRICS_PORT": str(metrics_port)}
    with (output / f"{role}.txt").open("ab") as printed:
        process = subprocess.Popen([*CLI, role], cwd=ROOT, env=environment, stdout=printed, stderr=printed)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def node(settings: Settings, number: int) -> ApiNode:
    role = Role(Cluster(str(settings.kafka)), str(settings.postgres), f"api-{number}", MASTER_KEY, PARTITIONS)
    return ApiNode(role, bootstrap.CONTEXTS, SystemClock())


def shown(port: int) -> str:
    """The metrics that a role shows."""
    return httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text


async def count(settings: Settings, sql: str, *values: str) -> int:
    async with await connect(str(settings.postgres)) as connection:
        (((found,),),) = await read(connection, [Statement(sql, list(values))])
    return int(found)


async def test_nodes_that_start_while_the_broker_is_away_introduce_their_endpoint_once(
    broker: Broker, settings: Settings
) -> None:
    async with AsyncExitStack() as stack:
        broker.kill()
        for number in range(2):
            edge = bootstrap.distributed_edge(settings, node(settings, number))
            await stack.enter_async_context(listening(edge, listener()))
        await asyncio.to_thread(broker.start)
        ports = {"projector": free_port(), "processor": free_port()}
        for role, port in ports.items():
            stack.enter_context(running(role, settings.data, port))
        async with asyncio.timeout(60):
            while await count(settings, ASKED) < 2:
                await asyncio.sleep(0.05)
        await until(lambda: "headwater_kafka_projector_lag_events{" in shown(ports["projector"]))
        assert "headwater_kafka_overlay_records" in shown(ports["processor"])
    assert await count(settings, CONFIGURED, WebhookEndpointConfigured.name) == 1

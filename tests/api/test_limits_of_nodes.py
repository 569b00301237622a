"""API nodes of the distributed runtime on one database, over HTTP. They read without a broker, so there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg import sql

import bootstrap
from settings import Settings
from streams.core.clock import SystemClock
from streams.kafka.node import ApiNode
from streams.kafka.settings import Cluster, Role
from tests.api.product import listening
from tests.imitations import listener

NOWHERE = "127.0.0.1:9"
MASTER_KEY = bytes(32)
READ = {"communication": "/communication/api/communication/trigger-types", "gccp": "/gccp/api/generations"}
RAISED = "3/minute"


def settings_of(dsn: str, data: Path) -> Settings:
    given = {"data": data, "postgres": dsn, "kafka": NOWHERE, "master_key": "00" * 32, "token_secret": "22" * 32}
    return Settings.model_validate(given)


@asynccontextmanager
async def served(settings: Settings, number: int) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """A client of each of so many nodes."""
    async with AsyncExitStack() as stack:
        clients = []
        for n in range(number):
            role = Role(Cluster(NOWHERE, "nowhere"), str(settings.postgres), f"api-{n}", MASTER_KEY)
            edge = bootstrap.distributed_edge(settings, ApiNode(role, bootstrap.CONTEXTS, SystemClock()))
            url = await stack.enter_async_context(listening(edge, listener()))
            clients.append(await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=60)))
        yield clients


def bearer(settings: Settings, surface: str) -> dict[str, str]:
    scopes = bootstrap.SURFACES[surface].credential.scopes
    token = bootstrap.tokens(settings, surface).issue(
        "11111111-1111-4111-8111-111111111111", scopes, datetime.now(UTC), timedelta(hours=1), {"general": RAISED}
    )
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("surface", READ)
async def test_a_caller_who_goes_from_node_to_node_has_one_limit(database: str, tmp_path: Path, surface: str) -> None:
    settings = settings_of(database, tmp_path)
    async with served(settings, 2) as (one, other):
        answers = [
            await node.get(READ[surface], headers=bearer(settings, surface)) for node in (one, other, one, other)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


async def test_while_the_database_is_away_a_node_says_so_and_counts_on_when_it_is_back(
    database: str, tmp_path: Path
) -> None:
    settings = settings_of(database, tmp_path)
    path, headers = READ["communication"], bearer(settings, "communication")
    async with served(settings, 1) as (node,):
        assert (await node.get(path, headers=headers)).status_code == 200
        admit(database, connections=False)
        away = await node.get(path, headers=headers)
        assert (away.status_code, away.headers["Retry-After"], away.json()["success"]) == (503, "1", False)
        admit(database, connections=True)
        async with asyncio.timeout(60):
            while (back := await node.get(path, headers=headers)).status_code == 503:
                await asyncio.sleep(0.01)
    assert (back.status_code, back.headers["X-RateLimit-Remaining"]) == (200, "1")


def admit(dsn: str, *, connections: bool) -> None:
    """Lets connections to this database in, or ends them and keeps them out."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as server:
        server.execute(
            sql.SQL("alter database {} with allow_connections {}").format(sql.Identifier(str(name)), connections)
        )
        if not connections:
            server.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", (name,))

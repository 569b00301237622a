"""kill -9 of the process that serves a generation, in every one of its steps and between them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from domain.gccp.course import Step
from tests.api.gccp.conftest import KEY
from tests.api.gccp.service import USUAL, bearer
from tests.api.process import Process
from tests.imitations.anthropic import AnthropicServer
from tests.imitations.llm_server import Act, LlmServer
from tests.imitations.ollama import OllamaServer

pytestmark = pytest.mark.faults

COURSE = {"topic": "Machine learning", "subtopics": "supervised, unsupervised", "mode": "lecture"}
TALK = {"messages": [{"role": "user", "content": "Explain"}], "model": "claude-sonnet-4-5-20250929"}
USER = "550e8400-e29b-41d4-a716-446655440001"
STEPS = [step.value for step in Step]
COMPLETED = """select convert_from(data, 'utf8')::json ->> 'step' from headwater.journal
                where name = 'gccp.generation.step_completed.v1'"""


def rows(database: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


class Client:
    """Asks a process that may be down, again and again."""

    def __init__(self, process: Process) -> None:
        self._client = httpx2.AsyncClient(base_url=f"{process.url}/gccp/api", headers=bearer(USER), timeout=10)

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                try:
                    answer = await self._client.request(method, path, **more)
                except httpx2.TransportError:
                    await asyncio.sleep(0.02)
                    continue
                assert answer.status_code == 200, answer.text
                told: dict[str, Any] = answer.json()
                return told

    async def generate(self, key: str) -> str:
        told = await self.ask("POST", "/generate", json=COURSE, headers={"Idempotency-Key": key})
        return str(told["generation_id"])

    async def settled(self, id_: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while (told := await self.ask("GET", f"/generations/{id_}"))["status"] in ("queued", "processing"):
                await asyncio.sleep(0.05)
        return told

    async def close(self) -> None:
        await self._client.aclose()


async def received(server: LlmServer, requests: int) -> None:
    async with asyncio.timeout(60):
        while len(server.received) < requests:
            await asyncio.sleep(0.01)


async def killed_in_every_step(process: Process, server: LlmServer) -> dict[str, Any]:
    """Kills it while the first call of each step is under way; each later call is answered."""
    server.script(*[Act(hold_after=1), Act()] * len(STEPS))
    client = Client(process)
    await asyncio.to_thread(process.start)
    try:
        id_ = await client.generate("one")
        for number in range(len(STEPS)):
            await received(server, 2 * number + 1)
            process.kill()
            await asyncio.to_thread(process.start)
        return await client.settled(id_)
    finally:
        await client.close()
        process.kill()


async def test_killed_in_every_step_each_lost_call_is_made_once_more_and_no_finished_step_again(
    database: str, tmp_path: Path
) -> None:
    async with AnthropicServer() as anthropic:
        process = Process(database, tmp_path / "log", **USUAL, ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=anthropic.url)
        told = await killed_in_every_step(process, anthropic)
        assert told["status"] == "completed"
        assert [step["calls"] for step in told["steps"]] == [2] * len(STEPS)
        assert len(anthropic.received) == 2 * len(STEPS)
    assert [row[0] for row in rows(database, COMPLETED)] == STEPS


async def test_killed_in_every_step_a_model_that_costs_nothing_is_asked_again(database: str, tmp_path: Path) -> None:
    async with OllamaServer() as ollama:
        process = Process(database, tmp_path / "log", **USUAL, OLLAMA_BASE_URL=ollama.url)
        told = await killed_in_every_step(process, ollama)
        assert told["status"] == "completed"
        assert [step["calls"] for step in told["steps"]] == [1] * len(STEPS)
    assert [row[0] for row in rows(database, COMPLETED)] == STEPS


async def test_killed_at_random_every_generation_that_was_promised_is_written_and_no_step_twice(
    database: str, tmp_path: Path
) -> None:
    process, moments = Process(database, tmp_path / "log", **USUAL), random.Random(6)
    client = Client(process)
    await asyncio.to_thread(process.start)
    promised: list[str] = []
    try:
        for number in range(6):
            asking = asyncio.create_task(client.generate(f"course {number}"))
            await asyncio.sleep(moments.uniform(0, 0.4))
            process.kill()
            await asyncio.to_thread(process.start)
            promised.append(await asking)
        for id_ in promised:
            told = await client.settled(id_)
            assert (told["status"], [step["calls"] for step in told["steps"]]) == ("completed", [1] * len(STEPS))
    finally:
        await client.close()
        process.kill()
    assert len(set(promised)) == 6
    assert Counter(row[0] for row in rows(database, COMPLETED)) == dict.fromkeys(STEPS, 6)


async def _streaming(process: Process) -> None:
    """Reads a stream, and kills what serves it after the first piece."""
    async with (
        httpx2.AsyncClient(base_url=process.url, headers=bearer(USER), timeout=10) as client,
        client.stream("POST", "/gccp/api/stream", json=TALK) as response,
    ):
        async for _ in response.aiter_bytes():
            process.kill()


async def test_a_stream_that_was_killed_is_seen_as_open_until_its_time_is_over(database: str, tmp_path: Path) -> None:
    async with AnthropicServer() as anthropic:
        anthropic.script(Act(hold_after=1))
        process = Process(database, tmp_path / "log", **USUAL, ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=anthropic.url)
        await asyncio.to_thread(process.start)
        with pytest.raises(httpx2.TransportError):
            await _streaming(process)
        async with asyncio.timeout(60):
            await anthropic.received[0].gone.wait()
    assert rows(database, "select status from read_models.gccp_ai_calls") == [("open",)]
    timers = "select name, kind, due_at - (select started_at from read_models.gccp_ai_calls) from headwater.tasks"
    ((name, kind, after),) = rows(database, timers)
    assert (name, kind, after.total_seconds()) == ("gccp.ai_call.expire.v1", "timer", 3600)


async def test_a_graceful_stop_waits_for_the_calls_of_a_generation_and_loses_none(
    database: str, tmp_path: Path
) -> None:
    async with AnthropicServer() as anthropic:
        anthropic.script(Act(hold_after=1))
        process = Process(database, tmp_path / "log", **USUAL, ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=anthropic.url)
        await asyncio.to_thread(process.start)
        client = Client(process)
        id_ = await client.generate("one")
        await received(anthropic, 1)
        stopping = asyncio.create_task(asyncio.to_thread(process.stop))
        await asyncio.sleep(0.3)
        anthropic.release()
        assert await stopping in (0, -15)
        await asyncio.to_thread(process.start)
        told = await client.settled(id_)
        await client.close()
        process.kill()
    assert (told["status"], told["usage"]["calls"]) == ("completed", len(STEPS))
    assert told["failure"] is None

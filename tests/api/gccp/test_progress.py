"""Progress as it happens, to whoever comes, comes late or comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from api.gccp import progress
from api.streaming import watch
from domain.gccp.course import Step
from projections.gccp.progress import ProgressRow, progress_after
from streams.core.commits import UNANNOUNCED_SECONDS
from tests.api.gccp.service import Service, bearer
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act

COURSE = {"topic": "Machine learning", "subtopics": "supervised, unsupervised", "mode": "lecture"}
STEPS = [step.value for step in Step]
WHOLE = ["queued", "started", *["step_started", "step_completed"] * 5, "completed"]


class Event:
    """One event as it came."""

    def __init__(self, lines: list[str]) -> None:
        fields = dict(line.split(": ", 1) for line in lines)
        self.id, self.name = fields["id"], fields["event"]
        self.data: dict[str, Any] = json.loads(fields["data"])


async def events(response: httpx2.Response) -> AsyncIterator[Event]:
    """The events of a stream, heartbeats left out."""
    lines: list[str] = []
    async for line in response.aiter_lines():
        if line:
            lines.append(line)
        elif lines[0].startswith(":"):
            lines = []
        else:
            yield Event(lines)
            lines = []


@asynccontextmanager
async def followed(service: Service, id_: str, last: str | None = None) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        asyncio.timeout(60),
        service.client.stream("GET", f"/generations/{id_}/progress", headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield events(response)


async def read_all(service: Service, id_: str, last: str | None = None) -> list[Event]:
    async with followed(service, id_, last) as stream:
        return [event async for event in stream]


async def asked(service: Service) -> str:
    id_: str = (await service.client.post("/generate", json=COURSE)).json()["generation_id"]
    return id_


async def test_everything_that_happens_comes_in_order_and_then_the_end(service: Service) -> None:
    id_ = await asked(service)
    told = await read_all(service, id_)
    assert [event.name for event in told] == WHOLE
    assert [event.data["step"] for event in told if event.name == "step_completed"] == STEPS
    assert [event.data["percent"] for event in told if event.name == "step_completed"] == [20, 40, 60, 80, 100]
    assert {event.data["generation_id"] for event in told} == {id_}


async def test_progress_comes_while_it_is_made(proxying: Service, anthropic: AnthropicServer) -> None:
    anthropic.script(Act(), Act(hold_after=1))
    id_ = await asked(proxying)
    async with followed(proxying, id_) as stream:
        while (event := await anext(stream)).name != "step_completed":
            pass
        assert event.data["step"] == "TopicAnalysis"
        assert (await anext(stream)).data["step"] == "DraftCreation"
        half = await proxying.generation(id_)
        assert (half["status"], half["percent"], half["current_step"]) == ("processing", 20, "DraftCreation")
        assert [step["status"] for step in half["steps"]] == ["completed", "running", *["pending"] * 3]
        assert half["content"] is None
        anthropic.release()
        assert [event.name async for event in stream][-1] == "completed"


async def test_whoever_lost_the_connection_goes_on_where_it_broke_off(service: Service) -> None:
    id_ = await asked(service)
    whole = await read_all(service, id_)
    for place, event in enumerate(whole[:-1]):
        rest = await read_all(service, id_, event.id)
        assert [one.id for one in rest] == [one.id for one in whole[place + 1 :]]


async def test_after_the_last_event_there_is_nothing_to_come_back_for(service: Service) -> None:
    id_ = await asked(service)
    last = (await read_all(service, id_))[-1]
    answer = await service.client.get(f"/generations/{id_}/progress", headers={"Last-Event-ID": last.id})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_wrong_place_to_go_on_from_is_refused(service: Service) -> None:
    id_ = await asked(service)
    for wrong in ("5", "gccp/1", "gccp/1/x", "gccp/-1/2"):
        answer = await service.client.get(f"/generations/{id_}/progress", headers={"Last-Event-ID": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELDS")


async def test_whoever_names_a_place_that_is_yet_to_come_is_told_of_the_end_all_the_same(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    far = f"gccp/0/{10**30}"
    anthropic.script(Act(hold_after=0))
    id_ = await asked(proxying)
    async with followed(proxying, id_, far) as stream:
        anthropic.release()
        assert [event async for event in stream] == []
    answer = await proxying.client.get(f"/generations/{id_}/progress", headers={"Last-Event-ID": far})
    assert answer.status_code == 204


async def test_an_end_that_comes_while_a_follower_is_being_told_is_its_end_too(
    proxying: Service, anthropic: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation is read before what happened to it, and what ends it comes in between."""
    anthropic.script(Act(hold_after=0))
    id_ = await asked(proxying)

    looks = 0

    async def ending_at_the_second(*what: Any) -> list[ProgressRow]:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first was for the status of the answer
            anthropic.release()
            await proxying.settled(id_)
        return await progress_after(*what)

    monkeypatch.setattr(progress, "progress_after", ending_at_the_second)
    assert [event.name for event in await read_all(proxying, id_)] == WHOLE
    assert looks >= 2


async def test_a_follower_is_told_after_a_look_that_failed(
    proxying: Service, anthropic: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that comes while the tables of a rebuilt read model are swapped."""
    anthropic.script(Act(hold_after=0))
    id_ = await asked(proxying)
    failed = asyncio.Event()

    async def failing(*_: object) -> dict[UUID, int]:
        monkeypatch.undo()
        failed.set()
        raise psycopg.errors.UndefinedTable("there is no such table")

    monkeypatch.setattr(proxying.own.progress, "_heads", failing)
    async with followed(proxying, id_) as stream:
        await failed.wait()
        anthropic.release()
        assert [event.name async for event in stream] == WHOLE


async def test_what_was_committed_is_announced_to_a_stream_that_waits(
    proxying: Service, anthropic: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "UNANNOUNCED_SECONDS", 3600.0)
    id_ = await asked(proxying)
    assert [event.name for event in await read_all(proxying, id_)] == WHOLE


async def test_a_failure_ends_the_stream_and_a_retry_goes_on_after_it(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(), Act(status=400, body=error("invalid_request_error", "Scripted")))
    id_ = await asked(proxying)
    first = await read_all(proxying, id_)
    assert (first[-1].name, first[-1].data["code"]) == ("failed", "ANTHROPIC_ERROR")
    await proxying.client.post("/retry", json={"generation_id": id_})
    second = await read_all(proxying, id_, first[-1].id)
    assert [event.name for event in second][:3] == ["retried", "started", "step_started"]
    assert (second[0].data["step"], second[-1].name) == ("DraftCreation", "completed")


async def test_many_who_follow_cost_one_question_at_a_time_and_none_when_they_have_left(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(hold_after=0))
    id_ = await asked(proxying)
    follow = proxying.own.progress
    users = {"Authorization": bearer(proxying.user)["Authorization"]}

    async def wait_for_more(client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", f"/gccp/api/generations/{id_}/progress", headers=users) as response:
            async for _ in response.aiter_bytes():
                pass

    async with httpx2.AsyncClient(base_url=proxying.url, timeout=60) as client, asyncio.timeout(60):
        reading = [asyncio.create_task(wait_for_more(client)) for _ in range(15)]
        while len(follow._waiting) < 15:
            await asyncio.sleep(0.01)
        assert {waited[0] for waited in follow._waiting.values()} == {UUID(id_)}
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        while follow._waiting:
            await asyncio.sleep(0.01)
        assert follow._looking is not None
        await asyncio.wait_for(follow._looking, 10 * UNANNOUNCED_SECONDS)
    anthropic.release()

"""Ten a minute and five at once, sixty a minute and twenty at once: per user and endpoint, as the document's table."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.counters import InProcessCounters
from api.errors import ApiError
from api.gccp.access import BURSTS, LIMITS
from api.limits import InFlight, Limiter
from streams.core.clock import ManualClock
from tests.api.gccp.conftest import Shared
from tests.api.gccp.service import Service, bearer
from tests.imitations.anthropic import AnthropicServer
from tests.imitations.llm_server import Act

TALK: dict[str, Any] = {"messages": [{"role": "user", "content": "Explain"}], "model": "claude-sonnet-4-5-20250929"}
PATHS = {"generate": "/generate", "export_pdf": "/export/pdf", "retry": "/retry", "stream": "/stream"}


@pytest.mark.parametrize("class_", PATHS)
def test_so_many_a_minute_and_no_more(shared: Shared, class_: str) -> None:
    user, most = str(uuid4()), int(LIMITS[class_].partition("/")[0])
    answers = [shared.ask("POST", PATHS[class_], user, content=b"{}") for _ in range(most + 1)]
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    assert left == [*range(most - 1, -1, -1), 0]
    assert [answer.status_code for answer in answers] == [400] * most + [429]
    last = answers[-1]
    wait = int(last.headers["Retry-After"])
    assert 0 < wait <= 60
    assert abs(int(last.headers["X-RateLimit-Reset"]) - time() - wait) <= 2
    assert last.json()["retry_after"] == wait
    assert shared.ask("POST", PATHS[class_], content=b"{}").status_code == 400


def test_endpoints_are_counted_apart_and_both_ways_of_streaming_together(shared: Shared) -> None:
    user = str(uuid4())
    for _ in range(10):
        shared.ask("POST", "/generate", user, content=b"{}")
    assert shared.ask("POST", "/retry", user, content=b"{}").headers["X-RateLimit-Remaining"] == "9"
    shared.ask("POST", "/stream", user, content=b"{}")
    assert shared.ask("PUT", "/stream", user, content=b"{}").headers["X-RateLimit-Remaining"] == "58"


def test_the_health_of_the_renderer_is_not_limited(shared: Shared) -> None:
    answers = [shared.client.get("/gccp/api/export/pdf") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}


async def test_the_window_slides() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    limiter = Limiter(InProcessCounters(clock.now), "gccp", {"generate": "2/minute"}, sliding=True)
    await limiter.hit("u", "generate", {})
    clock.advance(timedelta(seconds=40))
    await limiter.hit("u", "generate", {})
    clock.advance(timedelta(seconds=15))
    with pytest.raises(ApiError) as refused:
        await limiter.hit("u", "generate", {})
    assert refused.value.headers["Retry-After"] == "5"
    clock.advance(timedelta(seconds=6))
    assert (await limiter.hit("u", "generate", {}))["X-RateLimit-Remaining"] == "0"
    with pytest.raises(ApiError):
        await limiter.hit("u", "generate", {})


def test_what_is_over_makes_room_and_nothing_is_remembered() -> None:
    serving = InFlight({"stream": 1})
    leave = serving.enter("u", "stream")
    serving.enter("other", "stream")
    with pytest.raises(ApiError):
        serving.enter("u", "stream")
    leave()
    serving.enter("u", "stream")()
    assert dict(serving._serving) == {("other", "stream"): 1}


async def test_so_many_streams_at_once_and_no_more_and_the_rest_is_not_counted(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    most = BURSTS["stream"]
    anthropic.script(*[Act(hold_after=0)] * most)
    root = f"{proxying.url}/gccp/api"
    async with httpx2.AsyncClient(base_url=root, headers=bearer(proxying.user), timeout=60) as client:
        held = [asyncio.create_task(client.post("/stream", json=TALK, timeout=60)) for _ in range(most)]
        async with asyncio.timeout(60):
            while len(anthropic.received) < most:
                await asyncio.sleep(0.01)
        refused = await client.post("/stream", json=TALK)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert (refused.headers["Retry-After"], refused.json()["retry_after"]) == ("1", 1)
        assert refused.headers["X-RateLimit-Remaining"] == str(60 - most)
        anthropic.release()
        assert {answer.status_code for answer in await asyncio.gather(*held)} == {200}
        again = await client.post("/stream", json=TALK)
    assert (again.status_code, again.headers["X-RateLimit-Remaining"]) == (200, str(60 - most - 1))


async def test_a_client_that_leaves_makes_room(proxying: Service, anthropic: AnthropicServer) -> None:
    for _ in range(BURSTS["stream"] + 1):
        anthropic.script(Act(hold_after=1))
        async with proxying.client.stream("POST", "/stream", json=TALK) as response:
            assert response.status_code == 200
            await anext(response.aiter_bytes())
        async with asyncio.timeout(60):
            await anthropic.received[-1].gone.wait()

"""The imitated services themselves: whole answers, the refusals of the real ones, and steering from outside."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx2
import pytest

from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act, acts
from tests.imitations.ollama import OllamaServer

ANTHROPIC_HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
BODY = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


async def post(url: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.post(url, json=body, headers=headers)


async def test_anthropic_answers_whole_when_no_stream_is_asked_for() -> None:
    async with AnthropicServer() as server:
        answer = (await post(f"{server.url}/v1/messages", BODY, ANTHROPIC_HEADERS)).json()
    assert answer["content"] == [{"type": "text", "text": "Neural networks are layered functions."}]
    assert answer["usage"] == {"input_tokens": 15, "output_tokens": 150}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY, {"anthropic-version": "2023-06-01"}, 401),
        (BODY, {"x-api-key": "k"}, 400),
        (BODY | {"messages": []}, ANTHROPIC_HEADERS, 400),
        (BODY | {"temperature": 0.7}, ANTHROPIC_HEADERS, 200),
        (BODY | {"temperature": 0.7, "model": "claude-opus-4-7"}, ANTHROPIC_HEADERS, 400),
        (BODY | {"temperature": 1}, ANTHROPIC_HEADERS | {"anthropic-version": "2026-10-21"}, 400),
    ],
)
async def test_anthropic_refuses_what_the_real_one_refuses(
    body: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    async with AnthropicServer() as server:
        assert (await post(f"{server.url}/v1/messages", body, headers)).status_code == status


async def test_ollama_streams_unless_told_not_to() -> None:
    body = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hi"}]}
    async with OllamaServer() as server:
        streamed = await post(f"{server.url}/api/chat", body)
        whole = await post(f"{server.url}/api/chat", body | {"stream": False})
    assert len(streamed.text.splitlines()) == 4
    assert whole.json()["message"]["content"] == "Neural networks are layered functions."
    assert whole.json()["done"] is True


@pytest.mark.parametrize("name", ["anthropic", "ollama"])
async def test_an_imitation_runs_by_itself_and_is_steered_over_http(name: str) -> None:
    command = [sys.executable, "-m", f"tests.imitations.{name}", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with httpx2.AsyncClient(base_url=url) as client:
            script = acts(Act(529, {"retry-after": "2"}, error("overloaded_error", "Overloaded")))
            await client.post("/_script", json=json.loads(script))
            answer = await client.post("/v1/messages", json=BODY)
            received = (await client.get("/_requests")).json()
    finally:
        process.terminate()
        await process.wait()
    assert (answer.status_code, answer.headers["retry-after"]) == (529, "2")
    assert [request["json"] for request in received] == [BODY]

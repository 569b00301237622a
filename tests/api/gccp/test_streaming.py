"""The proxy: pieces as they come, an end upstream for every client that leaves, and every call's usage on record."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from api.gccp import proxy, streaming
from api.streaming import event_stream
from tests.api.gccp.conftest import KEY, with_anthropic
from tests.api.gccp.service import Service, bearer, serving, token
from tests.imitations.anthropic import AnthropicServer, error, event
from tests.imitations.llm_server import Act
from tests.imitations.ollama import OllamaServer

TALK: dict[str, Any] = {
    "system": "You are an expert educator.",
    "messages": [{"role": "user", "content": "Explain neural networks"}],
    "model": "claude-sonnet-4-5-20250929",
    "maxTokens": 4000,
    "temperature": 0.7,
}
PIECES = ("Neural", " networks", " are", " functions")
CALLS = """select status, streamed, input_tokens, output_tokens, estimated, stop_reason, code, first_chunk_ms
             from gccp_ai_calls where owner = %s order by started_at"""


async def ended(service: Service) -> dict[str, Any]:
    """The one call of the service's user, once it is over."""
    rows = await service.until(lambda rows: len(rows) == 1 and rows[0][0] != "open", CALLS, service.user)
    names = ("status", "streamed", "input_tokens", "output_tokens", "estimated", "stop_reason", "code", "first_ms")
    return dict(zip(names, rows[0], strict=True))


def told(text: str) -> list[Any]:
    """The data of a finished stream, read as JSON where it is that."""
    data = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(one) if one.startswith("{") else one for one in data]


class Reader:
    """Reads a stream event by event."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def line(self) -> str:
        """The next line that is not empty."""
        async with asyncio.timeout(60):
            while not (line := await anext(self._lines)):
                pass
        return line

    async def piece(self) -> Any:
        return json.loads((await self.line()).removeprefix("data: "))


@asynccontextmanager
async def streaming_answer(service: Service, **changed: Any) -> AsyncIterator[Reader]:
    async with service.client.stream("POST", "/stream", json=TALK | changed) as response:
        assert response.status_code == 200
        yield Reader(response)


async def test_each_piece_comes_before_the_next_is_written(proxying: Service, anthropic: AnthropicServer) -> None:
    anthropic.script(Act(pieces=PIECES, hold_after=1))
    async with streaming_answer(proxying) as reader:
        assert await reader.piece() == {"type": "chunk", "content": "Neural"}
        anthropic.release()
        assert [await reader.piece() for _ in PIECES[1:]] == [{"type": "chunk", "content": p} for p in PIECES[1:]]
        assert await reader.line() == "data: [DONE]"
    call = await ended(proxying)
    assert call["first_ms"] is not None
    assert call | {"first_ms": 0} == {
        "status": "completed",
        "streamed": True,
        "input_tokens": 15,
        "output_tokens": 150,
        "estimated": False,
        "stop_reason": "end_turn",
        "code": None,
        "first_ms": 0,
    }


async def test_what_is_asked_for_reaches_the_provider_and_the_key_never_leaves(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    answer = await proxying.client.post("/stream", json=TALK)
    (received,) = anthropic.received
    assert received.headers["x-api-key"] == KEY
    assert received.json == {
        "model": TALK["model"],
        "max_tokens": 4000,
        "messages": TALK["messages"],
        "system": TALK["system"],
        "temperature": 0.7,
        "stream": True,
    }
    assert KEY not in answer.text + str(answer.headers)


async def test_the_documents_defaults_hold(proxying: Service, anthropic: AnthropicServer) -> None:
    await proxying.client.post("/stream", json={"messages": TALK["messages"], "model": TALK["model"]})
    (received,) = anthropic.received
    assert (received.json["max_tokens"], received.json["temperature"]) == (10_000, 0.7)
    assert "system" not in received.json


async def test_a_client_that_leaves_ends_the_call_and_its_usage_is_recorded(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(pieces=PIECES, hold_after=2))
    async with streaming_answer(proxying) as reader:
        await reader.piece()
    async with asyncio.timeout(60):
        await anthropic.received[0].gone.wait()
    call = await ended(proxying)
    assert (call["status"], call["stop_reason"]) == ("disconnected", proxy.DISCONNECTED)
    assert (call["input_tokens"], call["estimated"]) == (15, True)
    assert call["output_tokens"] > 0


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_client_that_leaves_before_the_first_word_ends_the_call_too(
    proxying: Service, anthropic: AnthropicServer, method: str
) -> None:
    anthropic.script(Act(hang=True))
    asking = asyncio.create_task(proxying.client.request(method, "/stream", json=TALK))
    async with asyncio.timeout(60):
        while not anthropic.received:
            await asyncio.sleep(0.01)
        asking.cancel()
        await anthropic.received[0].gone.wait()
    call = await ended(proxying)
    assert (call["status"], call["code"] or call["stop_reason"]) == (
        "disconnected" if method == "POST" else "failed",
        proxy.DISCONNECTED,
    )


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (Act(pieces=PIECES, error_after=2), "overloaded_error"),
        (Act(pieces=PIECES, break_after=2), "answer_lost"),
        (Act(pieces=PIECES, end_after=2), "answer_lost"),
        (Act(pieces=PIECES[:2], stop_reason="refusal", explanation="No."), "refusal"),
    ],
)
async def test_what_breaks_upstream_in_mid_stream_becomes_an_error_event(
    proxying: Service, anthropic: AnthropicServer, act: Act, reason: str
) -> None:
    anthropic.script(act)
    answer = await proxying.client.post("/stream", json=TALK)
    assert answer.status_code == 200
    *pieces, last = told(answer.text)
    assert [piece["content"] for piece in pieces] == list(PIECES[:2])
    assert (last["type"], last["code"]) == ("error", "ANTHROPIC_ERROR")
    assert last["details"].startswith(f"{reason}: ")
    call = await ended(proxying)
    assert (call["status"], call["code"], call["input_tokens"]) == ("failed", reason, 15)
    assert call["output_tokens"] > 0


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("act", "status", "headers"),
    [
        (Act(status=529, body=error("overloaded_error", "Overloaded")), 500, {}),
        (
            Act(status=429, body=error("rate_limit_error", "Slow"), headers={"retry-after": "7"}),
            500,
            {"Retry-After": "7"},
        ),
        (Act(status=401, body=error("authentication_error", f"invalid x-api-key {KEY}")), 500, {}),
        (Act(status=500, body="<html>not JSON</html>"), 500, {}),
        (Act(break_after=0), 500, {}),
        (Act(error_after=0), 500, {}),
        (Act(status=400, body=error("invalid_request_error", "messages: roles must alternate")), 500, {}),
        (Act(status=404, body=error("not_found_error", "model: no-such-model")), 500, {}),
        (Act(status=413, body=error("request_too_large", "Too large")), 500, {}),
    ],
)
async def test_what_fails_upstream_before_the_first_word_is_a_status(
    proxying: Service, anthropic: AnthropicServer, method: str, act: Act, status: int, headers: dict[str, str]
) -> None:
    anthropic.script(act)
    answer = await proxying.client.request(method, "/stream", json=TALK)
    assert (answer.status_code, answer.json()["code"]) == (status, "ANTHROPIC_ERROR")
    assert KEY not in answer.text
    assert answer.headers.items() >= {name.lower(): value for name, value in headers.items()}.items()
    assert (await ended(proxying))["status"] == "failed"


async def test_a_whole_answer_is_the_text_and_what_it_used(proxying: Service, anthropic: AnthropicServer) -> None:
    anthropic.script(Act(pieces=PIECES))
    answer = await proxying.client.put("/stream", json=TALK)
    assert answer.json() == {
        "content": [{"type": "text", "text": "".join(PIECES)}],
        "usage": {"input_tokens": 15, "output_tokens": 150},
        "stop_reason": "end_turn",
    }
    figures = await proxying.client.get("/usage", headers={"Headwater-Position": answer.headers["Headwater-Position"]})
    (day,) = figures.json()["days"]
    assert (day["kind"], day["calls"], day["output_tokens"]) == ("reply", 1, 150)
    assert figures.json()["cost_usd"] == pytest.approx((15 * 3 + 150 * 15) / 1e6)


async def test_whoever_has_read_the_end_of_a_stream_finds_it_in_the_figures(proxying: Service) -> None:
    await proxying.client.post("/stream", json=TALK)
    (day,) = (await proxying.client.get("/usage")).json()["days"]
    assert (day["kind"], day["calls"], day["output_tokens"]) == ("stream", 1, 150)


async def test_while_nothing_comes_heartbeats_do(
    proxying: Service, anthropic: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(event_stream.EventStream.__init__, "__defaults__", (None, 0.05))
    anthropic.script(Act(pieces=PIECES, hold_after=0))
    async with streaming_answer(proxying) as reader:
        assert [await reader.line() for _ in range(3)] == [": keep-alive"] * 3
        anthropic.release()
        while (line := await reader.line()) == ": keep-alive":
            pass
        assert json.loads(line.removeprefix("data: "))["content"] == "Neural"


async def test_text_of_every_script_arrives_as_it_was_written(proxying: Service, anthropic: AnthropicServer) -> None:
    pieces = ("«Größe» ", "深度学习 ", "שלום ", "👩‍🏫", '"quoted"\n\ndata: [DONE]\r\n', "\u2028 end")
    anthropic.script(Act(pieces=pieces, frame_bytes=3))
    *chunks, done = told((await proxying.client.post("/stream", json=TALK)).text)
    assert "".join(chunk["content"] for chunk in chunks) == "".join(pieces)
    assert done == "[DONE]"


async def test_what_the_model_thinks_is_not_passed_on(proxying: Service, anthropic: AnthropicServer) -> None:
    thinking = event("content_block_delta", index=1, delta={"type": "thinking_delta", "thinking": "hm"})
    anthropic.script(Act(pieces=PIECES, insert=(thinking, event("something_new", x=1))))
    assert "hm" not in (await proxying.client.post("/stream", json=TALK)).text


async def test_a_slow_reader_slows_the_provider_down(proxying: Service, anthropic: AnthropicServer) -> None:
    """Far more is written than buffers on the way can hold; while nobody reads, most of it stays unwritten."""
    piece = "x" * 100_000
    written: list[int] = []

    class Counting(list[str]):
        def __iter__(self) -> Any:
            for number in range(1_000):
                written.append(number)
                yield piece

    anthropic.script(Act(pieces=Counting([piece] * 1_000)))
    reading = _raw(proxying, receive_buffer=8192)
    try:
        assert await asyncio.to_thread(reading.recv, 12) == b"HTTP/1.1 200"
        last = -1
        while len(written) != last:
            last = len(written)
            await asyncio.sleep(0.3)
        assert 1 <= last < 400
    finally:
        reading.close()
    assert (await ended(proxying))["status"] == "disconnected"


def _raw(service: Service, receive_buffer: int) -> socket.socket:
    """A client that has asked and reads nothing; its socket keeps little for it."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    host, _, port = service.url.removeprefix("http://").partition(":")
    raw.connect((host, int(port)))
    body = json.dumps(TALK)
    head = f"POST /gccp/api/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(service.user)}\r\n"
    raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    raw.settimeout(20)
    return raw


async def test_a_server_that_stops_ends_its_streams_and_records_what_they_used(
    database: str, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(pieces=PIECES, hold_after=1))
    begun = asyncio.Event()

    async def read(url: str, user: str) -> None:
        async with (
            httpx2.AsyncClient(base_url=url, headers=bearer(user), timeout=60) as client,
            client.stream("POST", "/gccp/api/stream", json=TALK) as response,
        ):
            async for _ in response.aiter_bytes():
                begun.set()

    async with serving(database, with_anthropic(anthropic), timeout_graceful_shutdown=0) as service:
        user = service.user
        reading = asyncio.create_task(read(service.url, user))
        await asyncio.wait_for(begun.wait(), 60)
    with pytest.raises(httpx2.TransportError):
        await asyncio.wait_for(reading, 60)
    async with serving(database, with_anthropic(anthropic)) as service:
        rows = await service.rows(CALLS, user)
    assert [(row[0], row[6], row[2]) for row in rows] == [("failed", "interrupted", 15)]


async def test_the_same_key_makes_one_call_only(proxying: Service, anthropic: AnthropicServer) -> None:
    headers = {"Idempotency-Key": "once"}
    assert (await proxying.client.post("/stream", json=TALK, headers=headers)).status_code == 200
    again = await proxying.client.post("/stream", json=TALK, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(anthropic.received) == 1


async def test_only_allowed_models_and_so_many_tokens_are_asked_for(database: str, anthropic: AnthropicServer) -> None:
    limits = with_anthropic(anthropic, HEADWATER_GCCP_MODELS="claude-haiku-4-5", HEADWATER_GCCP_MAX_TOKENS="500")
    async with serving(database, limits) as service:
        other = await service.client.post("/stream", json=TALK | {"maxTokens": 500})
        more = await service.client.post("/stream", json=TALK | {"model": "claude-haiku-4-5", "maxTokens": 501})
        assert {(one.status_code, one.json()["code"]) for one in (other, more)} == {(400, "INVALID_FIELDS")}
        assert anthropic.received == []
        allowed = {"messages": TALK["messages"], "model": "claude-haiku-4-5"}
        assert (await service.client.post("/stream", json=allowed)).status_code == 200
    assert anthropic.received[0].json["max_tokens"] == 500


async def test_ollama_answers_where_it_is_configured(database: str) -> None:
    async with OllamaServer() as ollama:
        ollama.script(Act(pieces=PIECES), Act(pieces=PIECES))
        async with serving(database, {"OLLAMA_BASE_URL": ollama.url, "OLLAMA_MODEL": "llama3.2"}) as service:
            *chunks, done = told((await service.client.post("/stream", json=TALK)).text)
            assert ["".join(chunk["content"] for chunk in chunks), done] == ["".join(PIECES), "[DONE]"]
            assert (await service.client.put("/stream", json=TALK)).json()["usage"]["output_tokens"] == 150
        assert {received.json["model"] for received in ollama.received} == {"llama3.2"}


async def test_without_a_model_the_offline_writer_answers_and_says_so(service: Service) -> None:
    text = (await service.client.put("/stream", json=TALK)).json()["content"][0]["text"]
    assert "No language model is configured" in text


async def test_many_streams_at_once_do_not_wait_for_one_another(proxying: Service, anthropic: AnthropicServer) -> None:
    """More than a connection pool usually holds: each has its first piece while all the others are held."""
    anthropic.script(*[Act(pieces=PIECES, hold_after=1)] * 150)
    firsts = 0
    every = asyncio.Event()

    async def read(client: httpx2.AsyncClient) -> None:
        nonlocal firsts
        async with client.stream("POST", f"{proxying.url}/gccp/api/stream", json=TALK, headers=bearer()) as response:
            reader = Reader(response)
            await reader.piece()
            firsts += 1
            if firsts == 150:
                every.set()
            await every.wait()

    limits = httpx2.Limits(max_connections=None)
    async with asyncio.timeout(60), httpx2.AsyncClient(limits=limits, timeout=60) as client:
        await asyncio.gather(*(read(client) for _ in range(150)))

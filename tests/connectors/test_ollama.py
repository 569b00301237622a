"""The Ollama connector against an imitation of /api/chat on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from connectors.model import Completed, Finished, LanguageModel, TextChunk, TokenUsage, UpstreamBroke, usage_of
from connectors.ollama import OllamaModel
from domain.calls.completion import PromptMessage
from streams.core.calls import Deferred, Rejected, Unknown
from tests.connectors.completions import TEXT, completion, read
from tests.imitations.llm_server import Act
from tests.imitations.ollama import OllamaServer

FULL = TokenUsage("llama3.2", 15, 150)
ID = "llama3.2@2026-11-22T10:00:00.097767Z"


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as running:
        yield running


@pytest.fixture
async def model(server: OllamaServer) -> AsyncIterator[OllamaModel]:
    connector = OllamaModel(server.url, "llama3.2", silence_seconds=0.5)
    yield connector
    await connector.close()


async def test_a_whole_answer_comes_with_its_tokens_and_costs_nothing(model: OllamaModel) -> None:
    port: LanguageModel = model
    verdict = await port(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert (verdict.provider_id, verdict.text, verdict.stop_reason) == (ID, TEXT, "end_turn")
    assert usage_of(verdict) == FULL


async def test_the_request_is_the_documented_one(server: OllamaServer, model: OllamaModel) -> None:
    await model(completion(), "key-1")
    [request] = server.received
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert request.json == {
        "model": "llama3.2",
        "messages": [
            {"role": "system", "content": "You are an expert educator."},
            {"role": "user", "content": "Explain neural networks"},
        ],
        "stream": True,
        "options": {"num_predict": 4000, "num_ctx": 4096, "temperature": 0.7},
    }


async def test_without_a_model_of_its_own_it_uses_the_one_that_is_named(server: OllamaServer) -> None:
    connector = OllamaModel(server.url)
    await connector(completion(model="qwen3", temperature=None, system=None), "key-1")
    await connector.close()
    request = server.received[0].json
    assert request["model"] == "qwen3"
    assert "temperature" not in request["options"]
    assert [message["role"] for message in request["messages"]] == ["user"]


async def test_the_context_window_holds_the_prompt_and_the_answer(server: OllamaServer, model: OllamaModel) -> None:
    long = (PromptMessage(role="user", content="word " * 9_000),)
    await model(completion(messages=long, system=None), "key-1")
    assert server.received[0].json["options"]["num_ctx"] == 45_000 // 3 + 4000


async def test_a_prompt_that_would_be_cut_silently_is_rejected_instead(
    server: OllamaServer, model: OllamaModel
) -> None:
    long = (PromptMessage(role="user", content="word " * 40_000),)
    verdict = await model(completion(messages=long), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "context_exceeded"
    assert not server.received


async def test_text_comes_piece_by_piece_and_then_the_usage(model: OllamaModel) -> None:
    async with model.stream(completion()) as answer:
        chunks = [chunk async for chunk in answer]
    assert chunks == [
        TextChunk("Neural networks"),
        TextChunk(" are layered"),
        TextChunk(" functions."),
        Finished(ID, "end_turn", FULL),
    ]
    assert answer.usage == FULL


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_lines_may_be_cut_anywhere_and_hold_any_character(
    server: OllamaServer, model: OllamaModel, size: int
) -> None:
    pieces = ("next\x85line ", "para\u2029graph ", "日本語🙂")
    server.script(Act(pieces=pieces, frame_bytes=size))
    verdict = await model(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.text == "".join(pieces)


@pytest.mark.parametrize(("done_reason", "stop"), [("length", "max_tokens"), ("stop", "end_turn"), ("load", "load")])
async def test_the_reason_to_stop_is_given_in_the_ports_words(
    server: OllamaServer, model: OllamaModel, done_reason: str, stop: str
) -> None:
    server.script(Act(stop_reason=done_reason))
    verdict = await model(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.stop_reason == stop


async def test_an_error_in_the_middle_keeps_the_text_and_is_raised(server: OllamaServer, model: OllamaModel) -> None:
    server.script(Act(error_after=2))
    text, end = await read(model.stream(completion()))
    assert text == "Neural networks are layered"
    assert isinstance(end, UpstreamBroke)
    assert isinstance(end.verdict, Deferred)
    assert end.verdict.reason == "an error was encountered while running the model"
    assert usage_of(end.verdict) == TokenUsage("llama3.2", 0, 7, estimated=True)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (Act(400, {}, {"error": "invalid options"}), Rejected("http_400", "invalid options")),
        (Act(404, {}, {"error": "no such model"}), Rejected("model_not_found", "no such model")),
        (Act(429, {"retry-after": "3"}, {"error": "busy"}), Deferred("http_429", "busy", 3.0)),
        (Act(500, {}, {"error": "the model failed"}), Deferred("http_500", "the model failed")),
        (Act(502, {}, "<html>"), Deferred("http_502", "Ollama answered 502")),
    ],
)
async def test_errors_are_final_or_passing(
    server: OllamaServer, model: OllamaModel, act: Act, expected: Rejected | Deferred
) -> None:
    server.script(act)
    assert await model(completion(), "key-1") == expected


async def test_a_missing_model_is_rejected_in_ollamas_words(server: OllamaServer) -> None:
    connector = OllamaModel(server.url, "missing-model")
    assert await connector(completion(), "key-1") == Rejected("model_not_found", "model 'missing-model' not found")
    await connector.close()


@pytest.mark.parametrize(
    "act", [Act(hang=True), Act(hold_after=1), Act(break_after=1), Act(end_after=1), Act(insert=("garbage\n",))]
)
async def test_an_answer_that_was_lost_is_unknown(server: OllamaServer, model: OllamaModel, act: Act) -> None:
    server.script(act)
    assert isinstance(await model(completion(), "key-1"), Unknown)


async def test_a_stream_that_stops_without_an_end_is_no_end(server: OllamaServer, model: OllamaModel) -> None:
    server.script(Act(end_after=1))
    text, end = await read(model.stream(completion()))
    assert text == "Neural networks"
    assert isinstance(end, UpstreamBroke)


async def test_leaving_early_ends_the_call_upstream_and_tells_the_usage(
    server: OllamaServer, model: OllamaModel
) -> None:
    server.script(Act(hold_after=2))
    async with model.stream(completion()) as answer:
        assert await anext(answer) == TextChunk("Neural networks")
    await asyncio.wait_for(server.received[0].gone.wait(), 20)
    assert answer.usage == TokenUsage("llama3.2", 0, 4, estimated=True)


async def test_a_server_that_is_not_there_defers_the_call() -> None:
    async with OllamaServer() as gone:
        url = gone.url
    connector = OllamaModel(url, "llama3.2")
    verdict = await connector(completion(), "key-1")
    await connector.close()
    assert isinstance(verdict, Deferred)


async def test_nothing_is_asked_for_an_erased_person(server: OllamaServer, model: OllamaModel) -> None:
    verdict = await model(completion(messages=None), "key-1")
    assert isinstance(verdict, Rejected)
    assert not server.received


def test_an_unknown_outcome_may_be_tried_again_because_it_costs_nothing() -> None:
    assert OllamaModel.idempotent is True

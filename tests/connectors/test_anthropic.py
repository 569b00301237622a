"""The Anthropic connector against an imitation of the Messages API on loopback."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator

import pytest

from connectors.anthropic import AnthropicModel, takes_temperature
from connectors.model import (
    Completed,
    Finished,
    LanguageModel,
    TextChunk,
    TokenUsage,
    UnknownAtCost,
    UpstreamBroke,
    usage_of,
)
from connectors.prices import Price, PriceList
from streams.core.calls import Deferred, Rejected, Unknown, Verdict
from tests.connectors.completions import KEY, TEXT, answer_to, completion, read
from tests.imitations.anthropic import AnthropicServer, error, event
from tests.imitations.llm_server import Act

MODEL = "claude-sonnet-4-5-20250929"
FULL = TokenUsage(MODEL, 15, 150, 15 * 300 + 150 * 1500)


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as running:
        yield running


@pytest.fixture
async def model(server: AnthropicServer) -> AsyncIterator[AnthropicModel]:
    connector = AnthropicModel(KEY, server.url)
    yield connector
    await connector.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_whole_answer_comes_with_its_tokens_and_its_cost(model: AnthropicModel) -> None:
    port: LanguageModel = model
    verdict = await port(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert (verdict.provider_id, verdict.text) == ("msg_01XFDUDYJgAACzvnptvVoYEL", TEXT)
    assert usage_of(verdict) == FULL
    assert verdict.output == {
        "text": TEXT,
        "stop_reason": "end_turn",
        "model": MODEL,
        "input_tokens": 15,
        "output_tokens": 150,
        "cost_microcents": 15 * 300 + 150 * 1500,
    }


async def test_the_request_is_the_documented_one(server: AnthropicServer, model: AnthropicModel) -> None:
    await model(completion(), "key-1")
    [request] = server.received
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "model": MODEL,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Explain neural networks"}],
        "stream": True,
        "system": "You are an expert educator.",
        "temperature": 0.7,
    }


async def test_what_was_not_given_is_not_sent(server: AnthropicServer, model: AnthropicModel) -> None:
    await model(completion(system=None, temperature=None), "key-1")
    assert set(server.received[0].json) == {"model", "max_tokens", "messages", "stream"}


@pytest.mark.parametrize(
    ("name", "version", "accepted"),
    [
        ("claude-sonnet-4-5-20250929", "2023-06-01", True),
        ("claude-sonnet-4-20250514", "2023-06-01", True),
        ("claude-opus-4-6", "2023-06-01", True),
        ("claude-3-7-sonnet-latest", "2023-06-01", True),
        ("claude-3-haiku-20240307", "2023-06-01", True),
        ("claude-opus-4-7", "2023-06-01", False),
        ("claude-sonnet-5", "2023-06-01", False),
        ("claude-haiku-5-5", "2023-06-01", False),
        ("claude-mythos-preview", "2023-06-01", False),
        ("claude-sonnet-4-5-20250929", "2026-10-21", False),
    ],
)
async def test_temperature_is_sent_only_where_it_is_accepted(
    server: AnthropicServer, name: str, version: str, *, accepted: bool
) -> None:
    connector = AnthropicModel(KEY, server.url, version)
    verdict = await connector(completion(model=name), "key-1")
    await connector.close()
    assert isinstance(verdict, Completed)
    assert ("temperature" in server.received[0].json) is accepted is takes_temperature(name, version)


async def test_text_comes_piece_by_piece_and_then_the_usage(model: AnthropicModel) -> None:
    async with model.stream(completion()) as answer:
        chunks = [chunk async for chunk in answer]
    assert chunks == [
        TextChunk("Neural networks"),
        TextChunk(" are layered"),
        TextChunk(" functions."),
        Finished("msg_01XFDUDYJgAACzvnptvVoYEL", "end_turn", FULL),
    ]
    assert answer.usage == FULL


async def test_text_is_given_on_before_the_next_piece_exists(server: AnthropicServer, model: AnthropicModel) -> None:
    server.script(Act(hold_after=1))
    async with model.stream(completion()) as answer:
        assert await anext(answer) == TextChunk("Neural networks")
        server.release()
        assert await anext(answer) == TextChunk(" are layered")


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_frames_may_be_cut_anywhere(server: AnthropicServer, model: AnthropicModel, size: int) -> None:
    server.script(Act(pieces=("naïve ", "日本語", " 🙂"), frame_bytes=size))
    verdict = await model(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.text == "naïve 日本語 🙂"


async def test_slow_pieces_are_waited_for(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(seconds_between=0.05), silence_seconds=5.0)
    assert isinstance(verdict, Completed)


async def test_unknown_events_and_thinking_are_passed_over(server: AnthropicServer, model: AnthropicModel) -> None:
    extras = (
        event("some_future_event", message=["of", "another", "shape"]),
        event("content_block_delta", index=1, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_delta", index=1, delta={"type": "signature_delta", "signature": "x"}),
        event("content_block_delta", index=1, delta={"type": "some_future_delta", "text": "aside"}),
        "event: ping\ndata: {}\n\n: a comment\n\n",
    )
    server.script(Act(insert=extras))
    verdict = await model(completion(), "key-1")
    assert isinstance(verdict, Completed)
    assert verdict.text == TEXT


@pytest.mark.parametrize(
    "stop", ["end_turn", "max_tokens", "stop_sequence", "model_context_window_exceeded", "new_one"]
)
async def test_an_answer_says_why_it_stopped(server: AnthropicServer, stop: str) -> None:
    verdict = await answer_to(server, Act(stop_reason=stop))
    assert isinstance(verdict, Completed)
    assert verdict.stop_reason == stop


@pytest.mark.parametrize("stop", ["refusal", "tool_use", "pause_turn"])
async def test_a_stop_without_an_answer_is_rejected_and_still_costs(server: AnthropicServer, stop: str) -> None:
    verdict = await answer_to(server, Act(stop_reason=stop))
    assert isinstance(verdict, Rejected)
    assert verdict.code == stop
    assert usage_of(verdict) == FULL


async def test_a_refusal_is_explained_in_the_providers_words(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(stop_reason="refusal", explanation="It could enable harm."))
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "It could enable harm."


async def test_a_call_whose_answer_never_came_is_unknown(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(hang=True), silence_seconds=0.2)
    assert isinstance(verdict, Unknown)
    assert usage_of(verdict) == TokenUsage()


async def test_an_answer_that_falls_silent_is_unknown_and_still_costs(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(hold_after=1), silence_seconds=0.2)
    assert isinstance(verdict, UnknownAtCost)
    assert verdict.reason == "the answer broke off (ReadTimeout)"
    assert verdict.usage == TokenUsage(MODEL, 15, 4, 15 * 300 + 4 * 1500, estimated=True)


async def test_an_answer_without_end_is_given_up_and_still_costs(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(hold_after=1), answer_seconds=0.3)
    assert isinstance(verdict, UnknownAtCost)
    assert "0.3 seconds" in verdict.reason
    assert verdict.usage.input_tokens == 15
    await asyncio.wait_for(server.received[0].gone.wait(), 20)


async def test_an_answer_cut_off_in_the_middle_is_unknown_and_still_costs(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(break_after=2))
    assert isinstance(verdict, UnknownAtCost)
    assert verdict.usage.output_tokens == 7  # "Neural networks are layered" is 27 bytes


async def test_an_answer_that_ends_early_without_fuss_is_unknown(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(end_after=1))
    assert isinstance(verdict, UnknownAtCost)
    assert verdict.reason == "the answer broke off before its end"


async def test_an_accident_after_the_models_end_loses_nothing(server: AnthropicServer) -> None:
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 150})
    verdict = await answer_to(server, Act(insert=(end, "event: error\ndata: garbage\n\n")))
    assert isinstance(verdict, Completed)
    assert verdict.text == TEXT


async def test_an_unreadable_piece_makes_the_answer_unknown(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(insert=("event: content_block_delta\ndata: not json\n\n",)))
    assert isinstance(verdict, UnknownAtCost)
    assert "could not be read" in verdict.reason


@pytest.mark.parametrize("other", ["[1]", '{"delta": {"type": "text_delta", "text": 7}}', '{"delta": null}'])
async def test_a_piece_of_another_type_is_passed_over(server: AnthropicServer, other: str) -> None:
    verdict = await answer_to(server, Act(insert=(f"event: content_block_delta\ndata: {other}\n\n",)))
    assert isinstance(verdict, Completed)
    assert verdict.text == TEXT


@pytest.mark.parametrize(
    ("kind", "verdict"), [("overloaded_error", Deferred), ("api_error", Deferred), ("invalid_request_error", Rejected)]
)
async def test_an_error_in_the_middle_keeps_the_text_and_is_raised(
    server: AnthropicServer, model: AnthropicModel, kind: str, verdict: type[Verdict]
) -> None:
    server.script(Act(error_after=2, error_type=kind))
    text, end = await read(model.stream(completion()))
    assert text == "Neural networks are layered"
    assert isinstance(end, UpstreamBroke)
    assert isinstance(end.verdict, verdict)
    assert not isinstance(end.verdict, Unknown)
    assert end.verdict.code == kind
    assert usage_of(end.verdict) == TokenUsage(MODEL, 15, 7, 15 * 300 + 7 * 1500, estimated=True)


async def test_an_error_before_the_first_word_is_raised_too(server: AnthropicServer, model: AnthropicModel) -> None:
    server.script(Act(529, {}, error("overloaded_error", "Overloaded")))
    text, end = await read(model.stream(completion()))
    assert text == ""
    assert isinstance(end, UpstreamBroke)
    assert end.verdict == Deferred("overloaded_error", "Overloaded")


async def test_leaving_early_ends_the_call_upstream_and_tells_the_usage(
    server: AnthropicServer, model: AnthropicModel
) -> None:
    server.script(Act(hold_after=2))
    async with model.stream(completion()) as answer:
        async for _ in answer:
            break
    await asyncio.wait_for(server.received[0].gone.wait(), 20)
    assert answer.usage == TokenUsage(MODEL, 15, 4, 15 * 300 + 4 * 1500, estimated=True)


async def test_a_cancelled_call_ends_upstream(server: AnthropicServer, model: AnthropicModel) -> None:
    server.script(Act(hold_after=1))
    calling = asyncio.create_task(model(completion(), "key-1"))
    while not server.received:
        await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await asyncio.wait_for(server.received[0].gone.wait(), 20)


async def test_a_server_that_is_not_there_defers_the_call() -> None:
    connector = AnthropicModel(KEY, f"http://127.0.0.1:{free_port()}")
    verdict = await connector(completion(), "key-1")
    await connector.close()
    assert isinstance(verdict, Deferred)
    assert verdict.code == "unreachable"


async def test_nothing_is_asked_for_an_erased_person(server: AnthropicServer, model: AnthropicModel) -> None:
    verdict = await model(completion(system=None, messages=None), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "erased"
    assert not server.received


async def test_the_key_is_in_no_error(server: AnthropicServer) -> None:
    acts = [
        Act(401, {}, error("authentication_error", f"invalid x-api-key {KEY}")),
        Act(insert=(event("error", error={"type": "api_error", "message": f"key {KEY} failed"}),)),
        Act(hang=True),
        Act(break_after=1),
    ]
    for act in acts:
        verdict = await answer_to(server, act, silence_seconds=0.2)
        assert KEY not in repr(verdict)
        assert not isinstance(verdict, Completed)


async def test_the_key_is_in_no_trace_of_a_broken_stream(server: AnthropicServer, model: AnthropicModel) -> None:
    server.script(Act(break_after=1))
    _, end = await read(model.stream(completion()))
    assert isinstance(end, UpstreamBroke)
    trace = "".join(traceback.format_exception(end))
    assert KEY not in trace
    assert "httpx2.ReadError" not in trace
    assert "httpx2.RemoteProtocolError" not in trace
    assert KEY not in repr(model)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_no_header_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as raised:
        AnthropicModel(key)
    assert not key or key not in str(raised.value)


async def test_prices_can_be_given(server: AnthropicServer) -> None:
    verdict = await answer_to(server, Act(), prices=PriceList({}, default=Price(1, 2)))
    assert usage_of(verdict).cost_microcents == 15 + 2 * 150

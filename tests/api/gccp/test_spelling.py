"""The proxy gives on what was paid for, however the provider spells it, and says where it was cut off."""

from __future__ import annotations

import json

import pytest

from tests.api.gccp.service import Service
from tests.api.gccp.test_streaming import PIECES, TALK, ended, told
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded", "new_one"])
async def test_an_answer_that_is_cut_off_says_so(proxying: Service, anthropic: AnthropicServer, reason: str) -> None:
    anthropic.script(*[Act(pieces=PIECES, stop_reason=reason)] * 2)
    *chunks, last, done = told((await proxying.client.post("/stream", json=TALK)).text)
    assert [chunk["content"] for chunk in chunks] == list(PIECES)
    assert (last, done) == ({"type": "chunk", "content": "", "stop_reason": reason}, "[DONE]")
    answer = (await proxying.client.put("/stream", json=TALK)).json()
    assert (answer["content"][0]["text"], answer["stop_reason"]) == ("".join(PIECES), reason)


async def test_an_answer_without_a_reason_to_stop_says_that_nothing_is_known(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(*[Act(pieces=PIECES, stop_reason="")] * 2)
    *_, last, _ = told((await proxying.client.post("/stream", json=TALK)).text)
    assert last == {"type": "chunk", "content": "", "stop_reason": None}
    answer = (await proxying.client.put("/stream", json=TALK)).json()
    assert (answer["content"][0]["text"], answer["stop_reason"]) == ("".join(PIECES), None)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_character_cut_in_two_arrives_whole_and_counts_that_are_none_are_estimated(
    proxying: Service, anthropic: AnthropicServer, method: str
) -> None:
    spoilt = [
        'data: {"type": "content_block_delta", "delta": {"text": "a\\ud83d"}}\n\n',
        'data: {"type": "content_block_delta", "delta": {"type": null, "text": "\\ude00b"}}\n\n',
        'data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": -1}}\n\n',
    ]
    anthropic.script(Act(pieces=(), insert=spoilt))
    answer = await proxying.client.request(method, "/stream", json=TALK)
    if method == "POST":
        assert "".join(chunk["content"] for chunk in told(answer.text)[:-1]) == "a😀b"
    else:
        assert answer.json()["content"] == [{"type": "text", "text": "a😀b"}]
    call = await ended(proxying)
    assert (call["status"], call["output_tokens"], call["estimated"]) == ("completed", 2, True)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_an_error_with_status_200_keeps_the_providers_words(
    proxying: Service, anthropic: AnthropicServer, method: str
) -> None:
    anthropic.body = json.dumps(error("overloaded_error", "Try later"))
    answer = await proxying.client.request(method, "/stream", json=TALK)
    assert (answer.status_code, answer.json()["code"]) == (500, "ANTHROPIC_ERROR")
    assert answer.json()["details"] == "overloaded_error: Try later"
    assert (await ended(proxying))["code"] == "overloaded_error"

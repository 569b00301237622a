"""Whatever a provider's answer lacks or spells in another way: its text arrives, and is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import anthropic_events, ollama
from connectors.model import Completed, Finished, StreamedAnswer, Tally
from connectors.model_http import LONGEST_ANSWER, TOO_LONG, gather
from connectors.prices import FREE
from domain.gccp.call import GenerationStepCompleted
from domain.gccp.course import Step
from domain.messages import Attempt, Result
from streams.core.calls import Deferred, Rejected, Unknown, Verdict
from tests.commands.gccp.examples import answer as answered
from tests.commands.gccp.examples import started
from tests.connectors.completions import read

Fields = dict[str, Any]

OTHERS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
"""What may stand in the place of a field."""

ABSENT = object()
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).map(lambda text: f"a{text}z")


def halves(text: str) -> str:
    """The text with each character beyond the basic plane as its two halves."""
    units = text.encode("utf-16-le")
    return "".join(chr(int.from_bytes(units[place : place + 2], "little")) for place in range(0, len(units), 2))


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text cut anywhere, inside of surrogate pairs, too."""
    units = halves(text)
    cuts = sorted(draw(st.lists(st.integers(0, len(units)), max_size=5)))
    return [units[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(units)], strict=True)]


@st.composite
def spoilt(draw: st.DrawFn, fields: Fields, *kept: str) -> Fields:
    """The fields, of which any but those kept may be absent or something else."""
    changed: Fields = dict(fields)
    for name in fields:
        if name not in kept:
            match draw(st.sampled_from(["as it is", "absent", "other"])):
                case "absent":
                    del changed[name]
                case "other":
                    changed[name] = draw(OTHERS)
    return changed


@st.composite
def typed(draw: st.DrawFn, fields: Fields, *kept: str) -> Fields:
    """The same, of a block or a delta: without another type's name, which says that it is no text."""
    changed = draw(spoilt(fields, "type", *kept))
    given_type = draw(st.sampled_from([fields["type"], ABSENT, None, 7, [], ""]))
    return {name: value for name, value in (changed | {"type": given_type}).items() if value is not ABSENT}


@st.composite
def anthropic_bodies(draw: st.DrawFn, text: str) -> bytes:
    """The documented events of an answer, spoilt."""
    first, opened, *deltas = [*draw(pieces(text)), "", ""]
    usage = draw(spoilt({"input_tokens": 15, "output_tokens": 1}))
    blocks = [draw(typed({"type": "text", "text": first}, "text"))]
    message = draw(spoilt({"id": "msg_1", "model": "claude", "usage": usage, "stop_reason": None}))
    block = draw(typed({"type": "text", "text": opened, "citations": None}, "text"))
    stop = draw(spoilt({"stop_reason": "end_turn", "stop_sequence": None, "stop_details": {"explanation": "x"}}))
    events = [
        ("message_start", {"message": message | {"content": blocks}}),
        ("content_block_start", draw(spoilt({"index": 0})) | {"content_block": block}),
        ("ping", {}),
        *(
            ("content_block_delta", draw(spoilt({"index": 0})) | {"delta": draw(typed(delta(piece), "text"))})
            for piece in deltas
        ),
        ("content_block_stop", draw(spoilt({"index": 0}))),
        ("message_delta", draw(spoilt({"delta": stop, "usage": {"output_tokens": draw(OTHERS)}}))),
        ("message_stop", {}),
    ]
    return "".join([draw(written(kind, fields)) for kind, fields in events]).encode()


def delta(piece: str) -> Fields:
    return {"type": "text_delta", "text": piece}


@st.composite
def written(draw: st.DrawFn, kind: str, fields: Fields) -> str:
    """An event that is named by its line, by its type, or by both; a second type is none of the known ones."""
    line, kept = draw(st.sampled_from([(True, kind), (False, kind), (True, None), (True, 7), (True, "")]))
    named = f"event: {kind}\n" if line else ""
    return f"{named}data: {json.dumps(fields | {'type': kept})}\n\n"


@st.composite
def ollama_bodies(draw: st.DrawFn, text: str) -> bytes:
    """The lines of an answer of Ollama, spoilt."""
    lines: list[Fields] = [
        draw(spoilt({"model": "m", "created_at": "t", "done": False, "error": None}, "done", "error"))
        | {"message": draw(spoilt({"role": "assistant"})) | {"content": piece}}
        for piece in draw(pieces(text))
    ]
    last = {"done": True, "done_reason": "stop", "prompt_eval_count": 15, "eval_count": 150}
    end = draw(spoilt(last | {"message": {"content": ""}, "model": "m", "created_at": "t"}, "done", "message"))
    if isinstance(end.get("done_reason"), str):
        end["done_reason"] = "stop"
    return "".join(json.dumps(line) + "\n" for line in [*lines, end]).encode()


def verdict_of(body: bytes, *, of_ollama: bool = False) -> Verdict:
    """What becomes of a body that came with status 200."""

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    tally = Tally("asked for", FREE)
    of_anthropic = anthropic_events.read_answer(chunks(), tally, "KEY")
    pieces_ = ollama.read_answer(chunks(), tally) if of_ollama else of_anthropic
    return asyncio.run(gather(StreamedAnswer(pieces_, tally), 60))


def recorded(verdict: Verdict) -> str | None:
    """What is recorded of a whole answer to the first call of a generation."""
    assert isinstance(verdict, Completed), verdict
    attempt = Attempt(
        result=Result.ACCEPTED, number=1, provider="p", provider_id=verdict.provider_id, output=verdict.output
    )
    event = started().when(answered(Step.TOPIC_ANALYSIS, 1, given=attempt)).produced[0]
    assert isinstance(event, GenerationStepCompleted), event
    assert event.model_dump_json()
    assert 0 <= event.usage.input_tokens <= 10**9
    assert 0 <= event.usage.output_tokens <= 10**9
    return event.output


@given(st.data(), WORDS)
def test_whatever_anthropics_events_lack_the_text_arrives(data: st.DataObject, text: str) -> None:
    verdict = verdict_of(data.draw(anthropic_bodies(text)))
    assert text_of(verdict) == text
    if isinstance(verdict, Completed) and verdict.stop_reason == "end_turn":
        assert recorded(verdict) == text


@given(st.data(), WORDS)
def test_whatever_the_lines_of_ollama_lack_the_text_arrives(data: st.DataObject, text: str) -> None:
    assert recorded(verdict_of(data.draw(ollama_bodies(text)), of_ollama=True)) == text


START = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 15, "output_tokens": 1}}}
STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 150}}


def stream(*events: Fields | str) -> bytes:
    """Events without names, from fields or from what stands after `data:`."""
    written = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {one}\n\n" for one in written).encode()


def text_of(verdict: Verdict) -> str:
    assert isinstance(verdict, Completed), verdict
    return verdict.text


def test_a_character_that_is_cut_in_two_is_whole_again() -> None:
    cut = [{"type": "content_block_delta", "delta": delta(piece)} for piece in ("a\ud83d", "\ude00b", "\ud83d")]
    assert text_of(verdict_of(stream(START, *cut, STOP))) == "a\U0001f600b\ufffd"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"message": START["message"]}, {"delta": {"stop_reason": "end_turn"}}),
        ({"message": {"id": "m"}}, {"usage": {"output_tokens": 1}, "delta": {}}),
    ],
)
def test_events_without_names_are_known_by_their_fields(first: Fields, second: Fields) -> None:
    block = {"content_block": {"text": "a"}}
    assert text_of(verdict_of(stream(first, block, {"delta": {"text": "b"}}, second, "[DONE]"))) == "ab"


def test_an_answer_that_came_at_once_is_an_answer() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "text", "text": "Whole."}], "stop_reason": "end_turn"}
    body = json.dumps(message | {"usage": {"input_tokens": 3, "output_tokens": 4}}, indent=2).encode()
    verdict = verdict_of(body)
    assert text_of(verdict) == "Whole."
    assert verdict.output is not None
    assert (verdict.output["input_tokens"], verdict.output["output_tokens"]) == (3, 4)
    assert text_of(verdict_of(stream(message))) == "Whole."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}},
            Deferred("overloaded_error", "Busy"),
        ),
        (
            {"error": {"type": "invalid_request_error", "message": "No KEY"}},
            Rejected("invalid_request_error", "No [key]"),
        ),
        ({"error": "out of credit"}, Deferred("api_error", "out of credit")),
        ({"message": "gateway says no"}, Deferred("api_error", "gateway says no")),
        ({"detail": "gateway says no"}, Deferred("api_error", "gateway says no")),
        ({"error": {"type": 7, "message": None}}, Deferred("api_error", "api_error")),
        ({}, Unknown("the answer was no message")),
        ("<html>", Unknown("the answer was no stream of events")),
    ],
)
def test_an_error_with_status_200_keeps_the_providers_words(body: Any, expected: Verdict) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    assert verdict_of(content.encode()) == expected
    if isinstance(body, dict) and body.get("error"):
        assert verdict_of(stream(body)) == expected
        assert verdict_of(f"event: error\ndata: {content}\n\n".encode()) == expected


def test_an_error_that_is_no_json_keeps_its_words_too() -> None:
    assert verdict_of(b"event: error\ndata: upstream timed out\n\n") == Deferred("api_error", "upstream timed out")


def test_a_piece_of_text_that_cannot_be_read_is_not_passed_over() -> None:
    for lost in ("event: content_block_delta\ndata: {'text'\n\n", 'data: {"delta": {"text": "a\n\n'):
        verdict = verdict_of(stream(START) + lost.encode() + stream(STOP))
        assert isinstance(verdict, Unknown)
        assert verdict.reason == "a piece of the answer could not be read"


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert text_of(verdict_of(stream(START, {"delta": {"text": "a"}}, STOP).rstrip(b"\n"))) == "a"


async def test_a_stream_that_breaks_after_the_models_figures_has_lost_nothing() -> None:
    figures = {"type": "message_delta", "delta": {"stop_reason": 7}, "usage": {"output_tokens": 5}}

    async def breaking(*told: Fields) -> AsyncIterator[bytes]:
        yield stream(START, {"delta": {"text": "a"}}, *told)
        raise httpx2.ReadError("gone")

    tally = Tally("asked for", FREE)
    text, end = await read(StreamedAnswer(anthropic_events.read_answer(breaking(figures), tally, "KEY"), tally))
    assert text == "a"
    assert isinstance(end, Finished)
    assert (end.stop_reason, end.usage.output_tokens) == ("", 5)
    with pytest.raises(httpx2.ReadError):
        await read(StreamedAnswer(anthropic_events.read_answer(breaking(), tally, "KEY"), tally))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([100, 50], (100, False)),
        ([-7], (2, True)),
        ([None, 150], (150, False)),
        (["150"], (150, False)),
        ([150.0], (150, False)),
        ([150.5], (2, True)),
        ([True], (2, True)),
        ([10**30], (2, True)),
    ],
)
def test_counts_that_fall_or_are_none_leave_the_largest_or_an_estimate(
    counts: list[Any], expected: tuple[int, bool]
) -> None:
    told = [{"type": "message_delta", "usage": {"output_tokens": count}} for count in counts]
    verdict = verdict_of(stream(START, {"delta": {"text": "a" * 8}}, *told, {"type": "message_stop"}))
    assert isinstance(verdict, Completed)
    assert (verdict.output_tokens, verdict.estimated) == expected
    assert (verdict.output or {}).get("estimated", False) is expected[1]


def test_a_number_of_any_length_is_no_reason_to_lose_the_answer() -> None:
    digits = '{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": %s}}'
    assert text_of(verdict_of(stream(START, {"delta": {"text": "a"}}, digits % ("9" * 9000)))) == "a"


def test_an_answer_that_no_record_could_hold_is_ended_and_says_so() -> None:
    piece = '"' * (LONGEST_ANSWER // 4)
    deltas = [{"delta": {"text": piece}}] * 4
    verdict = verdict_of(stream(START, *deltas, STOP))
    assert isinstance(verdict, Completed)
    assert (verdict.stop_reason, verdict.text) == (TOO_LONG, piece)
    assert verdict.estimated
    assert text_of(verdict_of(stream(START, {"delta": {"text": "a" * (LONGEST_ANSWER - 2)}}, STOP)))

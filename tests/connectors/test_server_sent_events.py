"""Server-sent events are read the same however the bytes are cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.server_sent_events import EventParser, ServerSentEvent, events

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), max_size=12)
NAMES = st.sampled_from(["message_start", "content_block_delta", "ping", "x-unknown"])
EVENTS = st.lists(st.builds(ServerSentEvent, NAMES, st.lists(WORDS, min_size=1, max_size=3).map("\n".join)), max_size=6)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def written(sent: list[ServerSentEvent], end: str) -> bytes:
    lines: list[str] = []
    for event in sent:
        data = [f"data: {line}" for line in event.data.split("\n")]
        lines += [f"event: {event.event}", ": a comment", "retry: 3", *data, ""]
    return "".join(line + end for line in lines).encode()


def read(*chunks: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(EVENTS, LINE_ENDS, st.data())
def test_every_cut_of_the_bytes_gives_the_same_events(
    sent: list[ServerSentEvent], end: str, data: st.DataObject
) -> None:
    body = written(sent, end)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    chunks = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(*chunks) == sent


@given(EVENTS, LINE_ENDS)
def test_bytes_that_come_one_by_one_give_the_same_events(sent: list[ServerSentEvent], end: str) -> None:
    assert read(*(bytes([byte]) for byte in written(sent, end))) == sent


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_no_bytes_whatever_break_the_parser(chunks: list[bytes]) -> None:
    assert read(*chunks) == read(b"".join(chunks))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: one\n\n", [ServerSentEvent("message", "one")]),
        (b"\xef\xbb\xbfdata: after a byte order mark\n\n", [ServerSentEvent("message", "after a byte order mark")]),
        (b"data:no space\n\n", [ServerSentEvent("message", "no space")]),
        (b"data:  two spaces\n\n", [ServerSentEvent("message", " two spaces")]),
        (b"data\n\n", [ServerSentEvent("message", "")]),
        (b"event: ping\n\n", []),
        (b"data: never ended\n", []),
        (b"event: a\n\ndata: b\n\n", [ServerSentEvent("message", "b")]),
        (b"data: cut \xff byte\n\n", [ServerSentEvent("message", "cut \ufffd byte")]),
    ],
)
def test_events_are_read_as_the_standard_has_them(body: bytes, expected: list[ServerSentEvent]) -> None:
    assert read(body) == expected


async def test_events_come_out_of_a_stream_as_soon_as_they_are_complete() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"data: fir"
        yield b"st\n\nda"
        raise AssertionError("the first event was complete before this was asked for")

    async for event in events(chunks()):
        assert event.data == "first"
        break

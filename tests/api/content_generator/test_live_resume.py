"""Resuming a live session after a position, by socket and by server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest

from api.streaming.hub import position_of
from tests.api.content_generator.live_product import Live, new_session
from tests.api.product import PATIENCE_SECONDS
from tests.api.streaming.node import Client

ENDING = timedelta(seconds=5)


async def said(live: Live, session: str, *titles: str) -> None:
    """An instructor changes the technique, once for each title."""
    async with live.joined(session, "sarah", "instructor") as sarah:
        for title in titles:
            await sarah.send(type="technique_change", title=title, id=title)
            while (await sarah.next())["type"] != "ack":
                pass


async def titles_of(client: Client, last: str) -> list[str]:
    """The titles of the techniques up to this one."""
    found: list[str] = []
    while not found or found[-1] != last:
        message = await client.next()
        if message["type"] == "technique_changed":
            found.append(message["title"])
    return found


async def test_a_client_that_reconnects_gets_what_it_missed_in_order_and_once(live: Live, session: str) -> None:
    async with live.joined(session) as ana:
        await said(live, session, "a", "b")
        assert await titles_of(ana, "b") == ["a", "b"]
        position = ana.position
    await said(live, session, *"cdef")
    async with live.client_of(session, since=position) as back:
        welcome = await back.next()
        assert welcome["recovered"] is True
        await said(live, session, "g")
        assert await titles_of(back, "g") == list("cdefg")
    numbers = [int(one["position"].split(".")[0]) for one in back.received[1:]]
    first = int(position.split(".")[0])
    assert numbers == list(range(first + 1, first + 1 + len(numbers)))
    assert int(welcome["position"].split(".")[0]) < numbers[-1]


async def test_a_position_may_be_that_of_a_welcome(live: Live, session: str) -> None:
    async with live.client_of(session, "olga", "observer") as olga:
        position = (await olga.next())["position"]
    await said(live, session, "a")
    async with live.client_of(session, "olga", "observer", since=position) as back:
        assert (await back.next())["recovered"] is True
        assert await titles_of(back, "a") == ["a"]


@pytest.mark.parametrize("since", ["", "0", "-1", "1.", "1.00000000", "9" * 30, "x" * 5_000, "another", "ahead"])
async def test_a_position_of_no_use_is_an_error_and_messages_begin_now(live: Live, session: str, since: str) -> None:
    await said(live, session, "before")
    positions = {
        "another": position_of(f"default/{new_session()}", 1),
        "ahead": position_of(f"default/{session}", 1_000),
    }
    async with live.client_of(session, since=positions.get(since, since)) as ana:
        welcome, error = await ana.next(), await ana.next()
        assert (welcome["type"], welcome["recovered"]) == ("welcome", False)
        assert (error["type"], error["code"], error["details"]) == ("error", "unknown_position", {"recovered": False})
        await said(live, session, "now")
        assert await titles_of(ana, "now") == ["now"]


class Events:
    """The events of a stream, as a client of it reads them."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, str]:
        """The fields of the next event; comments are passed over."""
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif found:
                    return found
        raise AssertionError("the stream has ended")

    async def message(self) -> dict[str, Any]:
        """The next message, which bears its position as its id."""
        event = await self.next()
        found: dict[str, Any] = orjson.loads(event["data"])
        assert found["type"] == "welcome" or event["id"] == found["position"]
        return found


@asynccontextmanager
async def listening(live: Live, session: str, last: str | None = None, scope: str = "read") -> AsyncIterator[Events]:
    """A listener to a session."""
    headers = {"X-API-Key": live.key(scope)} | ({} if last is None else {"Last-Event-ID": last})
    url = f"{live.root}/content-generator/api/v2/session/{session}/events"
    async with (
        httpx2.AsyncClient(timeout=PATIENCE_SECONDS, verify=False) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        yield Events(response)


async def test_a_listener_hears_what_sockets_hear(live: Live, session: str) -> None:
    async with live.joined(session) as ana, listening(live, session) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        welcome = await events.message()
        assert welcome["content"] == {name: welcome[name] for name in welcome["content"]}
        assert (welcome["session_id"], welcome["participant_count"]) == (session, 1)
        assert "recovered" not in welcome
        await said(live, session, "a", "b")
        async with live.joined(session, "ben"):
            assert [await events.message() for _ in range(3)] == [await ana.next() for _ in range(3)]
    assert live.session_events(session).count("participant_joined") == 2


async def test_a_listener_resumes_after_the_last_event_of_either_kind(live: Live, session: str) -> None:
    async with live.joined(session) as ana:
        await said(live, session, "a", "b")
        position = (await ana.next())["position"]
        async with listening(live, session, position) as events:
            assert (await events.message())["recovered"] is True
            event = await events.next()
            assert orjson.loads(event["data"])["title"] == "b"
        async with live.client_of(session, since=event["id"]) as back:
            assert (await back.next())["recovered"] is True
            await said(live, session, "c")
            assert await titles_of(back, "c") == ["c"]


async def test_the_welcome_of_events_bears_the_position_to_resume_from(live: Live, session: str) -> None:
    async with live.joined(session), listening(live, session) as events:
        welcome = await events.next()
        await said(live, session, "missed")
        async with listening(live, session, welcome["id"]) as again:
            assert (await again.message())["recovered"] is True
            assert (await again.message())["title"] == "missed"


@pytest.mark.parametrize("last", ["garbage", "7.00000000", "another", "ahead"])
async def test_a_last_event_of_no_use_begins_now(live: Live, session: str, last: str) -> None:
    positions = {
        "another": position_of("default/another", 1),
        "ahead": position_of(f"default/{session}", 1_000),
    }
    await said(live, session, "before")
    async with listening(live, session, positions.get(last, last)) as events:
        assert (await events.message())["recovered"] is False
        await said(live, session, "now")
        assert (await events.message())["title"] == "now"


async def test_events_end_with_the_session_and_then_there_are_no_more(live: Live, session: str) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah, listening(live, session) as events:
        await events.message()
        await sarah.send(type="session_end")
        ending = await events.message()
        live.settle()
        live.advance(ENDING)
        assert await events.next() == {"event": "end", "data": '{"code":1000,"reason":"the session has ended"}'}
    async with listening(live, session, ending["position"]) as over:
        assert over.response.status_code == 204
    async with listening(live, session) as late:
        assert (await late.message())["type"] == "welcome"
        assert (await late.next())["event"] == "end"
    async with listening(live, session, position_of(f"default/{session}", 0)) as whole:
        types = [(await whole.message())["type"] for _ in range(1 + len(live.messages(session)))]
    assert types == ["welcome", "session_started", "session_ending"]


async def test_events_of_a_session_that_never_was_or_is_anothers_are_not_found(live: Live, session: str) -> None:
    async with live.joined(session), listening(live, f"{session}-unknown") as unknown:
        assert (unknown.response.status_code, orjson.loads(await unknown.response.aread())["error"]) == (
            404,
            "not_found",
        )


async def test_events_need_a_key(live: Live, session: str) -> None:
    async with live.joined(session), httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(f"{live.root}/content-generator/api/v2/session/{session}/events")
    assert answer.status_code == 401

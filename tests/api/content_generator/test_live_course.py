"""The course of a live session: who is in, how it ends, and what remains of it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from api.content_generator import live_hub
from api.streaming.presence import PresenceTimes
from tests.api.content_generator.live_product import Live
from tests.api.streaming.node import Client, until

ENDING = timedelta(seconds=5)
EMPTY = timedelta(minutes=15)
MOMENT = timedelta(seconds=1)


async def until_recorded(live: Live, session: str, fact: str, times: int = 1) -> None:
    """Wait until a fact of the session is on record so many times."""

    async def is_so() -> bool:
        return live.session_events(session).count(fact) == times

    await until(is_so, f"{fact} is not on record")


async def refused(live: Live, session: str) -> str:
    """The code with which a join is refused."""
    async with live.client_of(session, "late") as client:
        assert await client.closed() == (1008, client.received[0]["code"])
    return str(client.received[0]["code"])


async def test_a_participant_leaves_with_the_last_connection(live: Live, session: str) -> None:
    async with live.joined(session, "olga", "observer") as olga:
        async with live.joined(session) as first:
            async with live.joined(session):
                assert live.participants(session) == 1
            await until_recorded(live, session, "connection_closed")
            assert live.participants(session) == 1
            await first.send(type="heartbeat")
        await until_recorded(live, session, "participant_left")
        assert live.participants(session) == 0
        async with live.joined(session, "ben"):
            heard = [await olga.next(), await olga.next()]
    assert [(one["name"], one["count"]) for one in heard] == [("ana", 1), ("ben", 1)]


def test_a_leave_is_on_record_after_two_seconds() -> None:
    assert PresenceTimes().grace == 2.0


async def test_who_is_back_in_time_has_not_left(live: Live, session: str) -> None:
    async with live.joined(session, "olga", "observer") as olga:
        with live.presence_times(grace=600.0):
            async with live.joined(session):
                pass
            await until_leaving(live)
            async with live.client_of(session) as ana:
                assert (await ana.next())["participant_count"] == 1
                async with live.joined(session, "ben"):
                    names = [(await olga.next())["name"] for _ in range(2)]
                    live.presence._times = live.presence._times._replace(grace=0.0)
    assert names == ["ana", "ben"]
    await until_recorded(live, session, "participant_left", 2)
    assert live.session_events(session).count("participant_joined") == 2


async def until_leaving(live: Live) -> None:
    """Wait until the server has seen a close."""

    async def is_so() -> bool:
        return bool(live.presence._leaves)

    await until(is_so, "no connection has closed")


async def test_who_comes_back_in_another_role_has_that_role(live: Live, session: str) -> None:
    with live.presence_times(grace=600.0):
        async with live.joined(session, "sarah", "observer"):
            pass
        await until_leaving(live)
        async with live.client_of(session, "sarah", "participant") as sarah:
            assert (await sarah.next())["participant_count"] == 1
            live.presence._times = live.presence._times._replace(grace=0.0)
        async with live.joined(session, "sarah", "observer"):
            assert live.session_events(session).count("connection_opened") == 2
    await until_recorded(live, session, "connection_closed", 2)
    assert live.session_events(session)[-1] in ("participant_left", "connection_closed")


async def test_a_session_ends_five_seconds_after_it_was_said(live: Live, session: str) -> None:
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(live.joined(session))
        sarah = await stack.enter_async_context(live.joined(session, "sarah", "instructor"))
        live.advance(timedelta(seconds=30))
        await sarah.send(type="session_end")
        ending = await ana.next()
        assert (ending["type"], ending["content"]) == (
            "session_ending",
            {"summary_available": False, "duration": 30.0},
        )
        assert await refused(live, session) == "session_ended"
        live.advance(ENDING - MOMENT)
        assert live.content(session)["active"] is True
        await sarah.send(type="technique_change", title="Late")
        assert [(await sarah.next())["type"] for _ in range(2)] == ["session_ending", "error"]
        assert sarah.received[-1]["code"] == "session_ended"
        live.advance(MOMENT)
        assert [await client.closed() for client in (ana, sarah)] == [(1000, "the session has ended")] * 2
    assert await refused(live, session) == "session_ended"
    content = live.content(session)
    assert (content["active"], content["session_info"]["participant_count"]) == (False, 1)


async def test_a_summary_that_exists_is_announced_with_the_end(live: Live, session: str) -> None:
    body = {
        "title": "Morning",
        "content": "Calm",
        "session_id": session,
        "session_duration": 60,
        "participant_count": 2,
    }
    with live.api() as api:
        assert api.post("/session-summary", json=body).status_code == 200
    async with live.joined(session, "sarah", "instructor") as sarah:
        await sarah.send(type="session_end")
        assert (await sarah.next())["summary_available"] is True


async def emptied(live: Live, session: str, client: str = "ana") -> Client:
    """A client that has been in a session, and has left it on record."""
    before = live.session_events(session).count("connection_closed")
    async with live.joined(session, client) as gone:
        pass
    await until_recorded(live, session, "connection_closed", before + 1)
    return gone


async def test_a_session_that_nobody_is_in_ends_after_a_quarter_of_an_hour(live: Live, session: str) -> None:
    await emptied(live, session)
    live.advance(EMPTY - MOMENT)
    assert live.content(session)["active"] is True
    live.advance(MOMENT)
    assert live.session_events(session)[-2:] == ["ending", "ended"]
    assert live.content(session)["active"] is False
    assert await refused(live, session) == "session_ended"


async def test_a_join_withdraws_the_end_of_an_empty_session(live: Live, session: str) -> None:
    await emptied(live, session)
    live.advance(EMPTY - MOMENT)
    async with live.joined(session, "olga", "observer"):
        live.advance(MOMENT)
        assert live.content(session)["active"] is True
    await until_recorded(live, session, "connection_closed", 2)
    live.advance(EMPTY - MOMENT)
    assert live.content(session)["active"] is True
    live.advance(MOMENT)
    assert live.content(session)["active"] is False


async def test_a_join_whose_outcome_did_not_come_in_time_is_closed_on_record(live: Live, session: str) -> None:
    async def only_one_is_open() -> bool:
        facts = live.session_events(session)
        return facts.count("connection_opened") - facts.count("connection_closed") == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_hub, "DEADLINE_SECONDS", 0.0)
        async with live.client_of(session) as ana:
            assert (await ana.next())["code"] in ("pending", "unavailable")
    async with live.joined(session, "ben"):
        await until(only_one_is_open, "a connection is open that nobody holds")

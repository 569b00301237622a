"""Announcements to live sessions, and live sessions as their readers see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api.content_generator.live_product import Live, new_session
from tests.api.content_generator.test_live_course import until_recorded
from tests.api.product import serving

WORDS = {
    "type": "session_starting",
    "title": "Morning Session Starting Soon!",
    "message": "Join us in 5 minutes",
    "action_url": "/sessions/join/morning-001",
}


@pytest.fixture
def alone() -> Iterator[Live]:
    """A product in which no other sessions run."""
    with serving(Live, {}) as product:
        yield product


def announced(api: httpx2.Client, **more: Any) -> dict[str, Any]:
    """The answer to an announcement."""
    answer = api.post("/live-announce", json={"announcement": WORDS, **more}, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_announcement_comes_to_one_session_and_keeps_its_own_type(live: Live, session: str) -> None:
    other = new_session()
    async with live.joined(session) as ana, live.joined(other, "ben") as ben, live.joined(session, "olga", "observer"):
        with live.api() as api:
            answer = announced(api, session_id=session)
        heard = await ana.next()
        async with live.joined(other, "cleo"):
            assert (await ben.next())["name"] == "cleo"
    assert answer == {
        "status": "announced",
        "sessions_notified": [session],
        "participant_count": 1,
        "delivered": True,
    }
    assert heard == {"type": "announcement", "content": WORDS, "position": heard["position"]}


async def test_an_announcement_without_a_session_comes_to_all_that_run_with_a_connection(alone: Live) -> None:
    one, other, empty = (new_session() for _ in range(3))
    async with alone.joined(empty, "gone"):
        pass
    await until_recorded(alone, empty, "connection_closed")
    async with alone.joined(one) as ana, alone.joined(other, "ben") as ben, alone.joined(one, "cleo"):
        assert (await ana.next())["name"] == "cleo"
        with alone.api() as api:
            answer = announced(api)
        heard = [(await client.next())["content"] for client in (ana, ben)]
    assert (set(answer["sessions_notified"]), answer["participant_count"]) == ({one, other}, 3)
    assert heard == [WORDS] * 2
    assert alone.session_events(empty).count("announcement_broadcast") == 0


async def test_an_announcement_to_a_session_that_does_not_run_is_not_delivered(live: Live, session: str) -> None:
    with live.api() as api:
        answer = announced(api, session_id=session)
    assert answer == {
        "status": "announced",
        "sessions_notified": [],
        "participant_count": 0,
        "delivered": False,
    }


async def test_a_repeated_announcement_is_heard_once(live: Live, session: str) -> None:
    body = {"announcement": WORDS, "session_id": session}
    async with live.joined(session) as ana:
        with live.api() as api:
            answers = [
                api.post("/live-announce", json=body, headers={"Idempotency-Key": session}).json() for _ in range(2)
            ]
        async with live.joined(session, "ben"):
            assert [(await ana.next())["type"] for _ in range(2)] == ["announcement", "participant_joined"]
    assert answers[0] == answers[1]
    assert answers[0]["delivered"] is True


@pytest.mark.parametrize("scope", ["read"])
def test_an_announcement_needs_a_write_key(live: Live, scope: str) -> None:
    with live.api(scope) as api:
        assert api.post("/live-announce", json={"announcement": WORDS}).status_code == 403


async def test_the_content_of_a_session_has_its_figures_and_its_replay_by_pages(live: Live, session: str) -> None:
    async with live.joined(session) as ana, live.joined(session, "sarah", "instructor") as sarah:
        await sarah.send(type="session_start", title="Morning", instructor="Sarah Chen", id=1)
        await sarah.next()
        for number, title in enumerate(("Box", "4-7-8", "Box")):
            await sarah.send(type="technique_change", title=title, id=f"t{number}")
        await ana.send(type="participant_status", status="calm", hrv_reading=40)
        await ana.send(type="technique_feedback", technique="Box", rating=4)
        await ana.send(type="heartbeat")
        await ana.connection.ping()
        for client, type_ in ((sarah, "ack"), (ana, "technique_changed")):
            while [one["type"] for one in client.received].count(type_) < (4 if type_ == "ack" else 3):
                await client.next()
        async with live.joined(session, "ben", name="Ben"):
            content = live.content(session, include_metrics=True, include_replay=True)
            pages = [
                live.content(session, include_replay=True, replay_after=after, replay_limit=2)["replay"]["messages"]
                for after in (0, 2, 4, 6)
            ]
    info, replay = content["session_info"], content["replay"]
    assert (info["title"], info["instructor"], info["participant_count"]) == ("Morning", "Sarah Chen", 2)
    assert [(one["id"], one["name"]) for one in info["participants"]] == [("ana", "ana"), ("ben", "Ben")]
    assert info["techniques_used"] == ["Box", "4-7-8"]
    assert content["metrics"] == {
        "average_hrv": 0.0,
        "completion_rate": 1.0,
        "quality_score": 4.0,
        "engagement_rate": 0.5,
    }
    assert replay["messages"][0] == {
        "timestamp": "2026-01-05T09:00:00Z",
        "type": "session_started",
        "content": {"title": "Morning", "instructor": "Sarah Chen"},
        "position": 1,
    }
    types = [one["type"] for one in replay["messages"]]
    assert types == ["session_started", "participant_joined", *["technique_changed"] * 3, "participant_joined"]
    assert replay["message_count"] == 6
    assert [one for page in pages for one in page] == replay["messages"]
    assert [len(page) for page in pages] == [2, 2, 2, 0]
    assert not any(word in str(replay) for word in ("hrv_reading", "heartbeat", "rating"))


async def test_the_list_shows_sessions_until_they_have_ended(alone: Live) -> None:
    first, second = new_session(), new_session()
    async with alone.joined(first) as ana, alone.joined(first, "sarah", "instructor") as sarah:
        await ana.send(type="participant_status", hrv_reading=50)
        await ana.send(type="technique_feedback", technique="Box")
        alone.advance(timedelta(seconds=1))
        async with alone.joined(second, "ben"):
            with alone.api() as api:
                found = api.get("/sessions/live", params={"include_metrics": True}).json()
                await sarah.send(type="session_end")
                await sarah.next()
                ending = api.get("/sessions/live").json()
                alone.advance(timedelta(seconds=5))
                after = api.get("/sessions/live").json()
    assert [one["session_id"] for one in found["sessions"]] == [first, second]
    assert found["sessions"][0] == {
        "session_id": first,
        "title": first,
        "instructor": None,
        "participant_count": 1,
        "active": True,
        "started_at": "2026-01-05T09:00:00Z",
        "metrics": {"current_hrv_improvement": 0.0},
    }
    assert found["sessions"][1]["metrics"] == {"current_hrv_improvement": None}
    assert (found["count"], ending["count"]) == (2, 2)
    assert [one["session_id"] for one in after["sessions"]] == [second]


async def test_an_erased_participant_is_null_everywhere_and_cannot_join(live: Live, session: str) -> None:
    mark = live.dependencies.client("default", "ana")
    async with live.joined(session, "olga", "observer") as olga, live.joined(session, name="Ana Silva") as ana:
        await ana.send(type="participant_status", status="calm", hrv_reading=50)
        joined = await olga.next()
        await ana.send(type="?")
        await ana.next()
        await live.erase(mark)
        content = live.content(session, include_replay=True, include_metrics=True)
        async with live.client_of(session, "olga2", "observer", since=position_before(joined["position"])) as late:
            await late.next()
            resumed = await late.next()
        await ana.send(type="technique_feedback", technique="Box", rating=1)
        assert (await ana.next())["code"] == "client_erased"
    (participant,) = content["session_info"]["participants"]
    assert (participant["id"], participant["name"]) == (None, None)
    assert joined["name"] == "Ana Silva"
    (replayed,) = (one for one in content["replay"]["messages"] if one["type"] == "participant_joined")
    assert replayed["content"]["name"] is None
    assert (resumed["name"], resumed["count"]) == (None, 1)
    assert content["metrics"]["average_hrv"] is None
    async with live.client_of(session) as back:
        assert await back.closed() == (1008, "client_erased")


def position_before(position: str) -> str:
    """The position before this one."""
    number, mark = position.split(".")
    return f"{int(number) - 1}.{mark}"

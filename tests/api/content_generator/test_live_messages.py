"""The messages of clients of live sessions: who may send what, and what becomes of frames that are none."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.content_generator import participation
from api.content_generator.client_messages import MESSAGES
from tests.api.content_generator.live_product import Live
from tests.api.streaming.node import Client, until

STEERING: dict[str, dict[str, Any]] = {
    "session_start": {"title": "Morning", "instructor": "Sarah Chen"},
    "technique_change": {"title": "Box Breathing", "instruction": "In for four", "duration": 240},
    "hrv_milestone": {"improvement": 12.5, "message": "Well done", "achievement": "calm"},
    "session_end": {},
}
REPORTS: dict[str, dict[str, Any]] = {
    "participant_status": {"status": "calm", "hrv_reading": 48.5},
    "technique_feedback": {"technique": "Box Breathing", "rating": 5, "difficulty": "easy"},
}
FACTS = {
    "session_start": "described",
    "technique_change": "technique_changed",
    "hrv_milestone": "hrv_milestone_reached",
    "session_end": "ending",
}
EVERY = STEERING | REPORTS | {"heartbeat": {}}


def test_every_type_of_message_is_tested_here() -> None:
    assert set(EVERY) == set(MESSAGES)


async def error_of(client: Client, **message: object) -> dict[str, Any]:
    """The error that a message brings to its sender."""
    await client.send(**message)
    found = await client.next()
    assert found["type"] == "error", found
    return found


@pytest.mark.parametrize("under", ["the top", "content"])
@pytest.mark.parametrize("type_", STEERING)
async def test_an_instructor_steers(live: Live, session: str, type_: str, under: str) -> None:
    payload = STEERING[type_]
    message = payload if under == "the top" else {"content": payload}
    async with live.joined(session), live.joined(session, "sarah", "instructor") as sarah:
        await sarah.send(type=type_, id="one", **message)
        heard = [await sarah.next(), await sarah.next()] if type_ != "session_start" else [await sarah.next()]
    (ack,) = (one for one in heard if one["type"] == "ack")
    assert ack["content"] == {"id": "one", "position": ack["position"]}
    assert live.session_events(session).count(FACTS[type_]) == 1
    rest = [one for one in heard if one is not ack]
    assert [one["position"] for one in rest] == [ack["position"]] * len(rest)
    for one in rest:
        assert payload.items() <= one["content"].items()
        assert one["content"].items() <= one.items()


@pytest.mark.parametrize("under", ["the top", "content"])
@pytest.mark.parametrize("type_", REPORTS)
async def test_a_participant_reports(live: Live, session: str, type_: str, under: str) -> None:
    payload = REPORTS[type_]
    async with live.joined(session) as ana:
        await ana.send(type=type_, **(payload if under == "the top" else {"content": payload}))
        assert (await error_of(ana, type="?"))["code"] == "unknown_type"
    fact = "status_reported" if type_ == "participant_status" else "feedback_given"
    assert live.reports(session, "ana") == [fact]
    metrics = live.content(session, include_metrics=True)["metrics"]
    expected = (0.0, None) if type_ == "participant_status" else (None, 5.0)
    assert (metrics["average_hrv"], metrics["quality_score"]) == expected
    assert [type_ for _, type_ in live.messages(session)] == ["session_started", "participant_joined"]


async def test_the_payload_under_content_is_the_one_that_counts(live: Live, session: str) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah:
        await sarah.send(type="technique_change", title="Top", content={"title": "Below", "type": "session_end"})
        heard = await sarah.next()
    assert (heard["type"], heard["title"]) == ("technique_changed", "Below")


@pytest.mark.parametrize("role", ["participant", "observer", "instructor", "admin"])
async def test_a_message_that_a_role_may_not_send_is_refused_to_its_sender_alone(
    live: Live, session: str, role: str
) -> None:
    forbidden = {
        "participant": STEERING,
        "observer": STEERING | REPORTS,
        "instructor": REPORTS,
        "admin": REPORTS,
    }[role]
    async with live.joined(session, "olga", "observer") as olga, live.joined(session, "ana", role) as ana:
        codes = [(await error_of(ana, type=type_, **payload))["code"] for type_, payload in forbidden.items()]
        async with live.joined(session, "ben"):
            heard = await olga.next()
            if role == "participant":
                heard = await olga.next()
    assert codes == ["forbidden"] * len(forbidden)
    assert heard["name"] == "ben"
    assert [one["type"] for one in olga.received if one["type"] == "error"] == []


@pytest.mark.parametrize(
    ("type_", "payload", "fault"),
    [
        ("technique_change", {}, "title"),
        ("technique_change", {"title": ""}, "title"),
        ("technique_change", {"title": "a\nb"}, "title"),
        ("technique_change", {"title": "x" * 301}, "title"),
        ("technique_change", {"title": "a", "duration": -1}, "duration"),
        ("technique_change", {"title": "a", "instruction": "x" * 10_001}, "instruction"),
        ("hrv_milestone", {}, "improvement"),
        ("hrv_milestone", {"improvement": "much"}, "improvement"),
        ("hrv_milestone", {"improvement": 1e300}, "improvement"),
        ("session_start", {"title": 5}, "title"),
    ],
)
async def test_an_unfit_payload_is_refused_by_field(
    live: Live, session: str, type_: str, payload: dict[str, object], fault: str
) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah:
        for message in (payload, {"content": payload}):
            error = await error_of(sarah, type=type_, **message)
            assert error["code"] == "validation_error"
            assert set(error["details"]) == {fault}
            assert error["content"] == {name: error[name] for name in ("code", "message", "details")}


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        ("participant_status", {"hrv_reading": -1}),
        ("participant_status", {"status": "x" * 201}),
        ("technique_feedback", {"technique": "Box", "rating": 6}),
        ("technique_feedback", {"technique": "Box", "rating": 4.5}),
        ("technique_feedback", {"rating": 4}),
    ],
)
async def test_an_unfit_report_is_refused(live: Live, session: str, type_: str, payload: dict[str, object]) -> None:
    async with live.joined(session) as ana:
        assert (await error_of(ana, type=type_, **payload))["code"] == "validation_error"
    assert live.reports(session, "ana") == []


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", "1", '"heartbeat"', "{}", '{"type": 1}', '{"type": "a\\u0000"}', "NaN"]
)
async def test_junk_brings_an_error_and_the_socket_stays(live: Live, session: str, frame: str) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah:
        await sarah.connection.send(frame)
        assert (await sarah.next())["code"] == "invalid_message"
        await sarah.send(type="technique_change", title="On")
        assert (await sarah.next())["type"] == "technique_changed"


@pytest.mark.parametrize(("frame", "code"), [(b"\x00\x01", 1003), ("x" * 65_537, 1009)])
async def test_binary_and_oversize_frames_end_the_connection(
    live: Live, session: str, frame: str | bytes, code: int
) -> None:
    async with live.joined(session) as ana:
        await ana.connection.send(frame)
        assert (await ana.closed())[0] == code


async def test_a_client_that_sends_nothing_is_idle(live: Live, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert live.dependencies.live.sockets.idle_seconds == 90
    monkeypatch.setattr(live.dependencies.live.sockets, "idle_seconds", 0.05)
    async with live.joined(session) as ana:
        assert (await ana.closed()) == (1008, "idle")
    assert ana.received[-1]["code"] == "idle"


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=20)


def values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts()
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4))


@st.composite
def messages(draw: st.DrawFn) -> str:
    """A message of some type with fields of its own names, and values of any kind."""
    type_ = draw(st.sampled_from(sorted(EVERY.keys() - {"session_end"})))
    names = st.sampled_from(sorted({name for payload in EVERY.values() for name in payload} | {"id", "content"}))
    fields = draw(st.dictionaries(names, values(), max_size=6))
    within = draw(st.none() | st.dictionaries(names, values(), max_size=6))
    return json.dumps(fields | {"type": type_} | ({} if within is None else {"content": within}))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(messages() | values().map(json.dumps) | texts(), min_size=1, max_size=12))
def test_no_frame_breaks_a_socket(live: Live, frames: list[str]) -> None:
    broken: list[str] = []

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            broken.append(record.getMessage())

    handler = Broken(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        asyncio.run(_hostile(live, frames))
    finally:
        logging.getLogger().removeHandler(handler)
    assert broken == []


async def _hostile(live: Live, frames: list[str]) -> None:
    """Frames of a participant and of an instructor: what they are answered names no trace, and both are still heard."""
    async with live.joined("hostile") as ana, live.joined("hostile", "sarah", "instructor") as sarah:
        for client in (ana, sarah):
            for frame in frames:
                await client.connection.send(frame)
            await client.send(type="the last one")
        for client in (ana, sarah):
            while (heard := await client.next()).get("message") != "There is no message of the type the last one":
                assert heard["type"] != "error" or heard["code"] != "internal_error", heard
                assert "Traceback" not in str(heard)


async def test_statuses_are_coalesced_and_the_last_one_wins(
    live: Live, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert participation.PAUSE_SECONDS == 1.0
    monkeypatch.setattr(participation, "PAUSE_SECONDS", 600.0)
    async with live.joined(session) as ana:
        for reading in range(50, 70):
            await ana.send(type="participant_status", status="calm", hrv_reading=reading)
        for rating in (3, 4, 5):
            await ana.send(type="technique_feedback", technique="Box", rating=rating)
        await error_of(ana, type="?")
    await until(lambda: recorded(live, session, 5), "the last status is not on record")
    assert live.reports(session, "ana") == ["status_reported", *["feedback_given"] * 3, "status_reported"]
    metrics = live.content(session, include_metrics=True)["metrics"]
    assert (metrics["average_hrv"], metrics["quality_score"]) == (38.0, 4.0)


async def test_a_status_that_waits_is_recorded_after_the_pause(
    live: Live, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(participation, "PAUSE_SECONDS", 0.1)
    async with live.joined(session) as ana:
        await ana.send(type="participant_status", hrv_reading=50)
        await ana.send(type="participant_status", hrv_reading=60)
        await until(lambda: recorded(live, session, 2), "the last status is not on record")


async def recorded(live: Live, session: str, number: int) -> bool:
    return len(live.reports(session, "ana")) == number


async def test_a_message_with_an_id_is_the_same_command_when_it_is_repeated(live: Live, session: str) -> None:
    message = {"type": "technique_change", "title": "Box", "id": 7}
    async with live.joined(session) as ana:
        acks = []
        for _ in range(2):
            async with live.joined(session, "sarah", "instructor") as sarah:
                await sarah.send(**message)
                heard = await sarah.next()
                acks.append(heard if heard["type"] == "ack" else await sarah.next())
                await sarah.send(**message)
                again = await sarah.next()
                acks.append(again if again["type"] == "ack" else await sarah.next())
        await live_change(live, session, "Next")
        heard_by_all = [await ana.next(), await ana.next()]
    assert [one["title"] for one in heard_by_all] == ["Box", "Next"]
    assert [ack["content"] for ack in acks] == [{"id": 7, "position": heard_by_all[0]["position"]}] * 4


async def live_change(live: Live, session: str, title: str) -> None:
    """An instructor changes the technique."""
    async with live.joined(session, "sarah", "instructor") as sarah:
        await sarah.send(type="technique_change", title=title)
        await sarah.next()


async def test_an_id_that_was_used_for_another_message_is_a_conflict(live: Live, session: str) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah, live.joined(session, "root", "admin") as root:
        await sarah.send(type="technique_change", title="Box", id="a")
        assert {(await sarah.next())["type"], (await sarah.next())["type"]} == {"ack", "technique_changed"}
        assert (await error_of(sarah, type="technique_change", title="Other", id="a"))["code"] == "conflict"
        assert (await error_of(sarah, type="hrv_milestone", improvement=1, id="a"))["code"] == "conflict"
        await root.next()
        await root.send(type="technique_change", title="Other", id="a")
        assert {(await root.next())["type"], (await root.next())["type"]} == {"ack", "technique_changed"}


async def test_a_message_without_an_id_is_not_acknowledged(live: Live, session: str) -> None:
    async with live.joined(session, "sarah", "instructor") as sarah:
        ids: list[object] = [None, True, 1.5, [], {}]
        for id_ in ids:
            await sarah.send(type="technique_change", title="Box", id=id_)
        assert [(await sarah.next())["type"] for _ in range(5)] == ["technique_changed"] * 5

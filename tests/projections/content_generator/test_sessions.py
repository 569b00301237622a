"""Live sessions, from a real database behind the real engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from commands.content_generator.announcement import MakeAnnouncement
from commands.content_generator.live_session import (
    ChangeTechnique,
    CloseConnection,
    DescribeSession,
    EndSession,
    ReachMilestone,
)
from commands.content_generator.participation import GiveFeedback, ReportStatus
from domain.content_generator.announcement import Words
from domain.content_generator.live_session import Role
from projections.content_generator.connections import connections_of, nodes_connected
from projections.content_generator.live_messages import Broadcast, broadcasts_of, last_numbers, messages_after
from projections.content_generator.queries.sessions import (
    Participant,
    connected_sessions,
    current_improvements,
    live_sessions,
    participants_of,
    session_by_id,
    session_metrics,
    techniques_of,
)
from streams.core.wiring import EraseSubject
from tests.projections.content_generator.examples import join
from tests.projections.content_generator.running import NOW, TENANT, Running

ID = "morning-001"
SESSION = f"{TENANT}/{ID}"
OF: dict[str, Any] = {"at": NOW, "session": SESSION, "tenant": TENANT, "session_id": ID}
DESCRIBED = DescribeSession(**OF, mark="mark-sarah", title="Morning Breathing", instructor="Sarah Chen")
BOX = ChangeTechnique(**OF, title="Box Breathing", instruction="in", duration=4)


def status(client: str, reading: float | None) -> ReportStatus:
    return ReportStatus(**OF, mark=f"mark-{client}", status="calm", hrv_reading=reading)


def feedback(client: str, rating: int) -> GiveFeedback:
    return GiveFeedback(**OF, mark=f"mark-{client}", technique="Box", rating=rating, difficulty="easy")


async def test_a_session_shows_who_is_in_and_what_was_used(world: Running) -> None:
    await world.finish(join("sarah", Role.INSTRUCTOR))
    undescribed = await session_by_id(world.connection, TENANT, ID)
    assert undescribed is not None
    assert (undescribed.title, undescribed.instructor, undescribed.participant_count) == (ID, None, 0)
    await world.finish(DESCRIBED, join("ana"), join("bea"), BOX, BOX)
    found = await session_by_id(world.connection, TENANT, ID)
    assert found is not None
    assert (found.title, found.instructor, found.participant_count) == ("Morning Breathing", "Sarah Chen", 2)
    assert (found.active, found.started_at, found.message_count) == (True, NOW, 5)
    assert await participants_of(world.connection, SESSION) == [
        Participant("ana", "Ana", NOW),
        Participant("bea", "Bea", NOW),
    ]
    assert await techniques_of(world.connection, SESSION) == ["Box Breathing"]
    assert await session_by_id(world.connection, "another", ID) is None


async def test_a_replay_begins_with_the_start_and_goes_on_after_any_message(world: Running) -> None:
    milestone = ReachMilestone(**OF, improvement=12.5, message="Great", achievement="calm")
    await world.finish(join("sarah", Role.INSTRUCTOR), DESCRIBED, join("ana"), BOX, milestone)
    await world.finish(EndSession(**OF, summary_available=True))
    messages = await messages_after(world.connection, SESSION)
    assert [(message.number, message.type) for message in messages] == [
        (1, "session_started"),
        (2, "participant_joined"),
        (3, "technique_changed"),
        (4, "hrv_milestone"),
        (5, "session_ending"),
    ]
    assert [message.payload for message in messages] == [
        {"title": "Morning Breathing", "instructor": "Sarah Chen"},
        {"name": "Ana", "count": 1, "timestamp": "2026-01-05T09:00:00Z"},
        {"title": "Box Breathing", "instruction": "in", "duration": 4},
        {"improvement": 12.5, "message": "Great", "achievement": "calm"},
        {"summary_available": True, "duration": 0},
    ]
    assert await messages_after(world.connection, SESSION, 2, limit=2) == messages[2:4]
    assert await last_numbers(world.connection, [SESSION, "acme/other"]) == {SESSION: 5}


async def test_figures_are_those_of_everybody_and_of_those_present(world: Running) -> None:
    await world.finish(join("ana"), join("bea"), join("cleo"), join("dora"))
    await world.finish(status("ana", 50.0), status("ana", 55.0), status("ana", None), status("bea", 40.0))
    await world.finish(status("cleo", 0.0), feedback("ana", 5), feedback("ana", 4))
    await world.finish(CloseConnection(**OF, connection_id=f"{ID}/ana"))
    metrics = await session_metrics(world.connection, SESSION)
    assert (metrics.average_hrv, metrics.quality_score) == (5.0, 4.5)
    assert (metrics.completion_rate, metrics.engagement_rate) == (0.75, 0.75)
    assert await current_improvements(world.connection, [SESSION, "acme/other"]) == {SESSION: 0.0, "acme/other": None}


async def test_those_present_at_the_end_stay_the_participants_of_an_ended_session(world: Running) -> None:
    await world.finish(join("ana"), join("bea"))
    await world.finish(CloseConnection(**OF, connection_id=f"{ID}/bea"), EndSession(**OF, summary_available=False))
    assert [one.session_id for one in await live_sessions(world.connection, TENANT)] == [ID]
    assert await connected_sessions(world.connection, TENANT) == []
    await world.settle(timedelta(seconds=5))
    found = await session_by_id(world.connection, TENANT, ID)
    assert found is not None
    assert (found.active, found.ended_at) == (False, NOW + timedelta(seconds=5))
    assert [one.client_id for one in await participants_of(world.connection, SESSION)] == ["ana"]
    assert (await session_metrics(world.connection, SESSION)).completion_rate == 0.5
    assert await live_sessions(world.connection, TENANT) == []
    assert await connections_of(world.connection, ["n"]) == []
    assert await nodes_connected(world.connection) == set()


async def test_live_sessions_are_listed_the_oldest_first_each_tenant_its_own(world: Running) -> None:
    await world.finish(join("ana", session_id="b"), join("ana", session_id="a"))
    world.clock.advance(timedelta(seconds=1))
    await world.finish(join("ana", session_id="0"))
    assert [one.session_id for one in await live_sessions(world.connection, TENANT)] == ["a", "b", "0"]
    assert await live_sessions(world.connection, "another") == []


async def test_an_announcement_is_in_each_session_with_those_who_were_there(world: Running) -> None:
    await world.finish(join("ana"), join("sarah", Role.INSTRUCTOR), join("bea", session_id="evening"))
    await world.finish(
        CloseConnection(
            at=NOW, session="acme/evening", tenant=TENANT, session_id="evening", connection_id="evening/bea"
        )
    )
    assert await connected_sessions(world.connection, TENANT) == [ID]
    words = Words(type="session_starting", title="Soon", message="Join us")
    await world.finish(
        MakeAnnouncement(
            at=NOW, announcement_id="a1", tenant=TENANT, words=words, sessions=(ID, "evening"), made_by="ana"
        )
    )
    assert await broadcasts_of(world.connection, "a1") == [Broadcast(SESSION, 3, connections=2, participants=1)]
    (message,) = await messages_after(world.connection, SESSION, 2)
    assert (message.type, message.payload) == ("announcement", words.model_dump())


async def test_connections_are_found_by_their_node_until_they_close(world: Running) -> None:
    await world.finish(join("ana", node="one"), join("bea", node="two"))
    (found,) = await connections_of(world.connection, ["one"])
    assert (found.connection_id, found.session, found.role) == (f"{ID}/ana", SESSION, Role.PARTICIPANT)
    assert await nodes_connected(world.connection) == {"one", "two"}
    await world.finish(CloseConnection(**OF, connection_id=found.connection_id))
    assert await connections_of(world.connection, ["one"]) == []


async def test_an_erased_person_is_nowhere_in_a_session_and_the_counts_remain(world: Running) -> None:
    await world.finish(join("sarah", Role.INSTRUCTOR), DESCRIBED, join("ana"), join("bea"))
    await world.finish(status("ana", 50.0), status("ana", 75.0), status("bea", 40.0), feedback("ana", 1))
    for client in ("ana", "sarah"):
        erase = EraseSubject(at=NOW, partition_key=f"mark-{client}", erased=f"content_generator:mark-{client}")
        await world.do(erase)
    found = await session_by_id(world.connection, TENANT, ID)
    assert found is not None
    assert (found.title, found.instructor, found.participant_count) == ("Morning Breathing", None, 2)
    people = await participants_of(world.connection, SESSION)
    assert {(one.client_id, one.name) for one in people} == {(None, None), ("bea", "Bea")}
    joined = (await messages_after(world.connection, SESSION))[1]
    assert (joined.payload["name"], joined.payload["count"]) == (None, 1)
    metrics = await session_metrics(world.connection, SESSION)
    assert (metrics.average_hrv, metrics.quality_score, metrics.engagement_rate) == (0.0, None, 1.0)

"""Programs: lists, figures, versions, and where members stand in a flow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.program import ProgramArchived, ProgramStatus, ProgramUpdated
from projections.creator_hub.programs import program_by_id
from projections.creator_hub.queries.drop_off import NodeCounts, drop_off
from projections.creator_hub.queries.programs import program_analytics, programs_page, versions_of
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import Tables

COURSE = f"{CREATOR}/course"


@pytest.fixture
def world() -> World:
    """A course with two versions: Ana has finished the first, Bea and Cleo are in the second."""
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    world.program(CREATOR, "course")
    world.publish(CREATOR, COURSE)
    ana, bea, cleo = (world.register(CREATOR, name, web, ChannelType.WEB) for name in ("ana", "bea", "cleo"))
    for member in (ana, bea, cleo):
        world.receive(member)
    enrolled = world.enroll(ana, COURSE)
    world.send_step(ana, COURSE, 1, "hello", passed=("start",))
    waiting = world.await_reply(ana, COURSE, 2, "ask")
    world.wait(days=2)
    world.answer(waiting)
    world.complete(enrolled, passed=("end",))
    world.publish(CREATOR, COURSE, 3)
    for member in (bea, cleo):
        world.enroll(member, COURSE, 3)
        world.send_step(member, COURSE, 1, "hello", passed=("start",))
    world.await_reply(bea, COURSE, 2, "ask")
    return world


def test_a_program_shows_its_working_copy(tables: Tables, world: World) -> None:
    flow = {"edges": [], "nodes": [{"type": "start", "id": "s"}], "viewport": {"zoom": 1}}
    world.record(ProgramUpdated, CREATOR, program_id=COURSE, flow_definition=flow, **changes(description="Changed"))
    tables.apply(world.history)
    found = tables.ask(program_by_id, CREATOR, COURSE)
    assert found is not None
    assert (found.program_name, found.description, found.flow_definition) == ("course", "Changed", flow)
    assert list(found.flow_definition) == ["edges", "nodes", "viewport"]
    assert (found.status, found.program_version, found.created_at) == (ProgramStatus.PUBLISHED, 3, NOW)
    assert (found.updated_at, found.published_at) == (world.now, world.now)
    assert tables.ask(program_by_id, OTHER, COURSE) is None


def changes(**given: object) -> dict[str, object]:
    return {"program_name": None, "description": None, "settings": None} | given


def test_a_program_without_a_flow_shows_an_empty_one(tables: Tables) -> None:
    world = World()
    world.program(CREATOR, "empty")
    tables.apply(world.history)
    found = tables.ask(program_by_id, CREATOR, f"{CREATOR}/empty")
    assert found is not None
    assert found.flow_definition == {"nodes": [], "edges": []}
    assert (found.status, found.program_version, found.published_at) == (ProgramStatus.DRAFT, 1, None)


def test_lists_are_the_newest_first_and_filtered(tables: Tables, world: World) -> None:
    other = world.program(CREATOR, "100% calm")
    world.program(OTHER, "foreign")
    world.record(ProgramArchived, CREATOR, program_id=other, version=1)
    tables.apply(world.history)

    def listed(**filters: object) -> list[str]:
        return [one.program_id for one in tables.ask(programs_page, CREATOR, **filters).rows]

    assert listed() == [other, COURSE]
    assert listed(status=ProgramStatus.ARCHIVED) == [other]
    assert listed(status=ProgramStatus.DRAFT) == []
    assert listed(search="ABOUT COUR") == [COURSE]
    assert listed(search="%") == [other]
    assert listed(search="_") == []
    assert listed(page=2, limit=1) == [COURSE]
    assert tables.ask(programs_page, CREATOR).total == 2


def test_the_list_and_the_details_have_the_same_figures(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    (listed,) = tables.ask(programs_page, CREATOR).rows
    assert (listed.enrolled, listed.completed, listed.completion_rate) == (3, 1, 0.3333)
    found = tables.ask(program_analytics, CREATOR, COURSE)
    assert found is not None
    assert (found.total, found.active, found.completed, found.completion_rate) == (3, 2, 1, 0.3333)
    assert found.average_completion_time_days == 2.0
    assert found.engagement_score == 0.3333, "Ana alone has written since she enrolled"
    assert tables.ask(program_analytics, OTHER, COURSE) is None


def test_a_program_without_enrolments_has_zeros(tables: Tables) -> None:
    world = World()
    program = world.program(CREATOR, "new")
    tables.apply(world.history)
    found = tables.ask(program_analytics, CREATOR, program)
    assert found is not None
    assert (found.completion_rate, found.average_completion_time_days, found.engagement_score) == (0, 0, 0)


def test_versions_have_their_enrolments(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    found = tables.ask(versions_of, CREATOR, COURSE)
    assert [(one.version, one.enrolled, one.completed) for one in found] == [(3, 2, 0), (2, 1, 1)]
    assert found[0].published_at == found[1].published_at + timedelta(days=2)
    assert tables.ask(versions_of, OTHER, COURSE) == []


def test_drop_off_says_where_members_stand_in_a_version(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    last = tables.ask(drop_off, CREATOR, COURSE)
    assert last is not None
    assert (last.version, last.enrolled, last.completed) == (3, 2, 0)
    assert last.nodes == [
        NodeCounts("start", "start", 2, 0, 0, 0, 0, 0, 0),
        NodeCounts("hello", "send_message", 2, 0, 2, 0, 0, 0, 0),
        NodeCounts("ask", "wait_for_reply", 1, 1, 0, 0, 0, 0, 0),
        NodeCounts("end", "end", 0, 0, 0, 0, 0, 0, 0),
    ]
    assert (last.nodes[2].passed, last.nodes[2].drop_off_rate) == (0, 1.0)
    first = tables.ask(drop_off, CREATOR, COURSE, 2)
    assert first is not None
    assert [node.reached for node in first.nodes] == [1, 1, 1, 1]
    assert first.nodes[2].answered == 1
    assert tables.ask(drop_off, CREATOR, COURSE, 9) is None
    assert tables.ask(drop_off, OTHER, COURSE) is None

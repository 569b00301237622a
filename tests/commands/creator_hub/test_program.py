"""Programs: versions, and members' way through their flows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.creator_hub.effects import AnswerMember, SendToMember
from commands.creator_hub.enrollment import NotPublished
from commands.creator_hub.member import UpdateProfile
from commands.creator_hub.program import (
    ArchiveProgram,
    CreateProgram,
    FlowNotPublishable,
    ProgramIsArchived,
    PublishProgram,
    UnknownProgram,
    UpdateProgram,
)
from domain.creator_hub.enrollment import (
    Completed,
    Enrolled,
    StepAnswered,
    StepDelivered,
    StepFailed,
    StepHeld,
    StepScheduled,
    StepSkipped,
)
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import BadgeEarned, Escalated
from domain.creator_hub.message import MessageQueued
from domain.creator_hub.program import ProgramPublished
from streams.core.calls import Accepted, Deferred, Unknown
from streams.core.envelope import Status
from tests.commands.creator_hub.world import CREATOR, DAY, HOUR, NOW, World, edge, id_of, node, refused, row, send


@pytest.fixture
def world() -> World:
    one = World()
    one.model = False
    one.channel()
    one.says("ada", "hello")
    return one


ADA = id_of(CREATOR, ChannelType.WEB, "ada")


def update(program: str, **parts: Any) -> UpdateProgram:
    given = {"program_name": None, "description": None, "flow_definition": None, "settings": None} | parts
    return UpdateProgram(at=NOW, creator_id=CREATOR, program_id=program, **given)


def test_a_member_goes_through_a_program_in_order_and_completes_it_once(world: World) -> None:
    program = world.program(send("one", "Hello {user_name}"), send("two", "Second", 24), completion_badge="first")
    world.enroll(ADA, program)
    assert world.sent() == ["Hello Ada"]
    world.wait(DAY - HOUR)
    assert world.sent() == ["Hello Ada"]
    world.wait(HOUR)
    assert world.sent() == ["Hello Ada", "Second"]
    (completed,) = world.facts(Completed)
    assert completed.program_name == "Way"
    (badge,) = world.facts(BadgeEarned)
    assert (badge.badge_id, badge.badge_name) == ("first", "Way completed")
    assert [step.progress for step in world.facts(StepDelivered)] == [0.5, 1.0]


def test_a_second_enrolment_is_the_first_one(world: World) -> None:
    program = world.program(send("one", "Hello"))
    assert world.enroll(ADA, program).status is Status.ACCEPTED
    assert world.enroll(ADA, program).status is Status.UNCHANGED
    assert len(world.facts(Enrolled)) == 1
    assert world.sent() == ["Hello"]


def test_an_enrolment_keeps_the_flow_that_it_began_with(world: World) -> None:
    program = world.program(send("one", "First"), send("two", "Old second", 1))
    world.enroll(ADA, program)
    world.do(update(program, flow_definition=row(send("one", "First"), send("two", "New second", 1))))
    world.publish(program, 2)
    world.says("bob", "hi")
    world.enroll(world.member("bob"), program)
    world.wait(2 * HOUR)
    assert world.sent() == ["First", "First", "Old second", "New second"]
    assert [one.version for one in world.facts(ProgramPublished)] == [2, 3]


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ({"nodes": [], "edges": []}, "start"),
        ({"nodes": [node("start", "start"), send("a", "x")], "edges": []}, "cannot be reached"),
        (row(send("a", " ")), "no message"),
        (row(*(send(f"n{n}", "x") for n in range(101))), "more than 100"),
        (
            {
                "nodes": [node("start", "start"), send("a", "x"), send("b", "y")],
                "edges": [edge("start", "a"), edge("a", "b"), edge("b", "a")],
            },
            "cycle without a wait",
        ),
        (
            {
                "nodes": [node("start", "start"), send("a", "x"), send("b", "y")],
                "edges": [edge("start", "a"), edge("start", "b")],
            },
            "several ways",
        ),
        (
            {
                "nodes": [node("start", "start"), node("c", "condition", field="language", value="en"), send("a", "x")],
                "edges": [edge("start", "c"), edge("c", "a", "true")],
            },
            "without a default",
        ),
    ],
)
def test_a_flow_with_a_fault_is_saved_and_not_published(world: World, flow: dict[str, Any], words: str) -> None:
    program = id_of("faulty")
    parts: dict[str, Any] = {"program_name": "Faulty", "description": "", "flow_definition": flow, "settings": {}}
    world.do(CreateProgram(at=NOW, creator_id=CREATOR, program_id=program, **parts))
    outcome = world.do(PublishProgram(at=NOW, creator_id=CREATOR, program_id=program, flow_id=id_of("f")))
    assert outcome.problem is not None
    assert outcome.problem.type == FlowNotPublishable.name
    assert words in str(outcome.problem.details)


def test_archiving_closes_the_door_and_lets_those_inside_finish(world: World) -> None:
    program = world.program(send("one", "First"), send("two", "Second", 1))
    world.enroll(ADA, program)
    archive = ArchiveProgram(at=NOW, creator_id=CREATOR, program_id=program)
    assert world.do(archive).status is Status.ACCEPTED
    assert world.do(archive).status is Status.UNCHANGED
    world.says("bob", "hi")
    refused_ = world.enroll(world.member("bob"), program).problem
    assert refused_ is not None
    assert refused_.type == NotPublished.name
    late = world.do(update(program, program_name="New")).problem
    assert late is not None
    assert late.type == ProgramIsArchived.name
    world.wait(2 * HOUR)
    assert world.sent() == ["First", "Second"]


def test_a_foreign_program_is_unknown(world: World) -> None:
    other = World("other", world.runtime)
    program = other.program(send("one", "Hello"))
    problem = world.enroll(ADA, program).problem
    assert problem is not None
    assert problem.type == UnknownProgram.name


def test_who_has_stopped_gets_nothing_and_the_program_goes_on_without(world: World) -> None:
    program = world.program(send("one", "First"), send("two", "Second", 1))
    world.enroll(ADA, program)
    world.says("ada", "STOP", number=2)
    world.wait(2 * HOUR)
    assert world.sent() == ["First"]
    (skipped,) = world.facts(StepSkipped)
    assert skipped.reason == "opted_out"
    assert len(world.facts(Completed)) == 1


def test_a_branch_follows_the_reply_or_its_absence(world: World) -> None:
    ask = node("wait", "wait_for_reply", timeout_hours=24, rating=True)
    flow = {
        "nodes": [
            node("start", "start"),
            send("q", "How?"),
            ask,
            send("yes", "Thanks"),
            send("no", "Still there?"),
        ],
        "edges": [edge("start", "q"), edge("q", "wait"), edge("wait", "yes", "replied"), edge("wait", "no", "timeout")],
    }
    program = id_of("branch")
    parts: dict[str, Any] = {"program_name": "Branch", "description": "", "flow_definition": flow, "settings": {}}
    world.do(CreateProgram(at=NOW, creator_id=CREATOR, program_id=program, **parts))
    world.publish(program, 1)
    world.enroll(ADA, program)
    world.says("ada", "4", number=2)
    world.says("bob", "hi")
    world.enroll(world.member("bob"), program)
    world.wait(2 * DAY)
    assert world.sent() == ["How?", "Thanks", "How?", "Still there?"]
    assert [(one.replied, one.rating) for one in world.facts(StepAnswered)] == [(True, 4), (False, None)]


def test_conditions_badges_escalations_and_other_programs_are_steps(world: World) -> None:
    other = world.program(send("o", "From the other"), name="Other")
    program = world.program(
        node("c", "condition", field="name", value="ada"),
        node("b", "badge", badge_id="early", badge_name="Early bird"),
        node("e", "escalate"),
        node("n", "enroll", program_id=other),
        node("x", "teleport"),
    )
    world.enroll(ADA, program)
    assert [one.badge_name for one in world.facts(BadgeEarned)] == ["Early bird"]
    assert [one.reason for one in world.facts(Escalated)] == ["flow"]
    assert [one.reason for one in world.facts(StepSkipped)] == ["unknown_type"]
    assert world.sent() == ["From the other"]


def test_outside_the_window_a_step_is_held_until_the_member_writes() -> None:
    world = World()
    world.model = False
    world.channel(ChannelType.WHATSAPP)
    world.says("ada", "hello", ChannelType.WHATSAPP)
    user = world.member("ada", ChannelType.WHATSAPP)
    program = world.program(send("one", "First"), send("two", "Second", 48), send("three", "Third"))
    world.enroll(user, program)
    world.wait(3 * DAY)
    assert world.sent() == ["First"]
    assert len(world.facts(StepHeld)) == 1
    world.says("ada", "I am back", ChannelType.WHATSAPP, number=2)
    assert world.sent() == ["First", "Second", "Third"]


def test_a_held_step_is_skipped_after_thirty_days() -> None:
    world = World()
    world.model = False
    world.channel(ChannelType.WHATSAPP)
    world.says("ada", "hello", ChannelType.WHATSAPP)
    world.enroll(world.member("ada", ChannelType.WHATSAPP), world.program(send("one", "Late", 48)))
    world.wait(40 * DAY)
    assert world.sent() == []
    assert [one.reason for one in world.facts(StepSkipped)] == ["outside_window"]


def test_a_template_goes_out_where_the_channel_has_one() -> None:
    world = World()
    world.model = False
    world.channel(ChannelType.WHATSAPP, reengagement_template={"name": "hello", "language": "en"})
    world.says("ada", "hello", ChannelType.WHATSAPP)
    world.enroll(world.member("ada", ChannelType.WHATSAPP), world.program(send("one", "Late", 48)))
    world.wait(3 * DAY)
    (queued,) = world.facts(MessageQueued)
    assert queued.template.name == "hello"
    assert len(world.facts(Completed)) == 1


@pytest.mark.parametrize(
    ("fate", "kind"),
    [(refused("blocked_word"), StepFailed), (lambda _: Unknown("no answer"), StepDelivered)],
)
def test_a_step_ends_when_its_message_is_settled(fate: Any, kind: type) -> None:
    world = World()
    world.channel(ChannelType.TELEGRAM)
    world.model = False
    world.says("ada", "hello", ChannelType.TELEGRAM)
    world.answers[SendToMember] = fate
    world.enroll(world.member("ada", ChannelType.TELEGRAM), world.program(send("one", "Hello")))
    assert len(world.facts(kind)) == 1
    assert len(world.facts(Completed)) == 1


def test_an_outage_shifts_a_program_and_never_bunches_it() -> None:
    world = World()
    world.channel(ChannelType.TELEGRAM)
    world.model = False
    world.says("ada", "hello", ChannelType.TELEGRAM)
    world.answers[SendToMember] = lambda _: Deferred("away", "the provider is away")
    program = world.program(send("one", "First"), send("two", "Second", 24))
    world.enroll(world.member("ada", ChannelType.TELEGRAM), program)
    world.wait(2 * HOUR)
    world.answers[SendToMember] = lambda _: Accepted("p")
    world.wait(12 * HOUR)
    first = world.facts(StepDelivered)[0].at
    second = world.facts(StepScheduled)[-1]
    assert second.due_at == first + DAY


def test_a_step_of_the_model_is_worded_or_skipped_with_the_reason() -> None:
    world = World()
    world.channel()
    world.says("ada", "hello")
    program = world.program(node("ai", "ai_message", prompt="Greet {user_name}"), send("two", "Second"))
    world.enroll(ADA, program)
    assert world.sent() == ["An answer.", "An answer.", "Second"]
    world.answers[AnswerMember] = refused("no_model")
    world.says("bob", "hi")
    world.enroll(world.member("bob"), program)
    assert [one.reason for one in world.facts(StepSkipped)] == ["no_model"]
    assert len(world.facts(Completed)) == 2


def test_a_wait_for_a_time_of_day_follows_the_members_zone(world: World) -> None:

    zone = UpdateProfile(
        at=NOW, creator_id=CREATOR, user_id=ADA, patch=None, time_zone="America/New_York", language=None
    )
    world.do(zone)
    world.enroll(ADA, world.program(node("w", "wait", time_of_day="08:00"), send("one", "Good morning")))
    world.wait(3 * HOUR)
    assert world.sent() == []
    world.wait(timedelta(hours=1, minutes=1))
    assert world.sent() == ["Good morning"]

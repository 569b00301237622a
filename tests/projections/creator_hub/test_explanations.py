"""Why something was sent to a member, answered, or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.creator_hub.channel import Template
from domain.creator_hub.enrollment import StepHeld, StepSkipped, enrollment_id, step_message_id
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.message import Cause, CauseKind
from domain.creator_hub.reply import Citation, ReplyCause, ReplyComposed, ReplyRequested, ReplySkipped, Usage
from domain.creator_hub.trigger import ActionSkipped, action_message_id
from projections.creator_hub.messages import InteractionType
from projections.creator_hub.queries.explanation import Explanation, RuleFacts, explanation_of
from projections.creator_hub.replies import ReplyStatus
from projections.creator_hub.steps import StepStatus
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import Tables

ANA, COURSE, RULE = f"{CREATOR}/ana", f"{CREATOR}/course", f"{CREATOR}/rule"
CITATION = Citation(document_id="d", chunk_id="c", hash="h", score=0.5)


@pytest.fixture
def world() -> World:
    world = World()
    world.register(CREATOR, "ana", world.channel(CREATOR, ChannelType.WHATSAPP), ChannelType.WHATSAPP)
    world.publish(CREATOR, world.program(CREATOR, "course"))
    world.rule(CREATOR, "rule")
    world.enroll(ANA, COURSE)
    return world


def explained(tables: Tables, world: World, interaction: str) -> Explanation:
    tables.clear()
    tables.apply(world.history)
    assert tables.ask(explanation_of, OTHER, ANA, interaction) is None
    assert tables.ask(explanation_of, CREATOR, f"{CREATOR}/bea", interaction) is None
    found = tables.ask(explanation_of, CREATOR, ANA, interaction)
    assert found is not None
    return found


def test_a_reply_shows_what_it_is_to_and_what_it_rests_on(tables: Tables, world: World) -> None:
    question = world.receive(ANA, "How?")
    asked: dict[str, Any] = {"reply_id": "r", "cause": ReplyCause(message_ids=(question.message_id,)), "user_id": ANA}
    bases = {"knowledge_base_ids": ("base",), "cite_sources": True, "only_knowledge": False, "asked_at": world.now}
    world.record(ReplyRequested, CREATOR, channel_id=question.channel_id, text="How?", **asked, **bases)
    made = {"citations": (CITATION,), "prompt_version": "2", "model": "m", "usage": Usage(input_tokens=9)}
    world.record(ReplyComposed, CREATOR, message_id="out", text="So.", **asked, **made)
    cause = Cause(kind=CauseKind.REPLY, ai=True, reply_id="r", answered_at=question.at)
    world.wait(minutes=1)
    world.sent(world.queue(ANA, cause, "So.", message_id="out"))
    sent = explained(tables, world, "out")
    assert (sent.type, sent.status, sent.code) == (InteractionType.SENT, "sent", None)
    reply = sent.reply
    assert reply is not None
    assert (reply.message_ids, reply.status, reply.knowledge_base_ids) == (
        [question.message_id],
        ReplyStatus.COMPOSED,
        ["base"],
    )
    assert (reply.citations, reply.prompt_version, reply.model) == ([CITATION], "2", "m")
    assert reply.usage == Usage(input_tokens=9)
    assert (sent.window.last_message_at, sent.window.was_open) == (NOW, True)
    received = explained(tables, world, question.message_id)
    assert (received.type, received.status, received.code) == (InteractionType.RECEIVED, "received", None)
    assert received.reply == reply
    assert (sent.step, sent.rule) == (None, None)


def test_a_message_without_a_reply_says_why(tables: Tables, world: World) -> None:
    question = world.receive(ANA, "How?")
    cause = ReplyCause(message_ids=(question.message_id,))
    world.record(ReplySkipped, CREATOR, user_id=ANA, reply_id=None, cause=cause, reason="over_allowance")
    found = explained(tables, world, question.message_id)
    assert (found.code, found.reply) == ("over_allowance", None)
    assert found.window.last_message_at is None


def test_a_step_shows_the_program_and_the_version(tables: Tables, world: World) -> None:
    world.send_step(ANA, COURSE, 1, "hello")
    found = explained(tables, world, step_message_id(enrollment_id(ANA, COURSE), 1, 1))
    step = found.step
    assert step is not None
    assert (step.program_name, step.version, step.flow_id) == ("course", 2, f"{COURSE}/2")
    assert (step.n, step.node, step.status, step.due_at) == (1, "hello", StepStatus.DELIVERED, NOW)
    assert (found.window.last_message_at, found.window.was_open) == (None, False)


def test_a_step_that_was_not_sent_says_why(tables: Tables, world: World) -> None:
    world.receive(ANA)
    world.wait(days=2)
    of = world.step(ANA, COURSE, 1, "hello")
    message = step_message_id(enrollment_id(ANA, COURSE), 1, 1)
    waiting = {"flow_id": "flow", "channel_id": "c", "until": world.now + timedelta(days=30)}
    world.record(StepHeld, CREATOR, **of, **waiting, reason="outside_window")
    held = explained(tables, world, message)
    assert (held.status, held.code) == ("held", "outside_window")
    assert (held.window.last_message_at, held.window.was_open) == (NOW, False)
    world.record(StepSkipped, CREATOR, **of, progress=0.5, reason="opted_out")
    skipped = explained(tables, world, message)
    assert (skipped.status, skipped.code) == ("skipped", "opted_out")
    assert skipped.step is not None


def test_a_rule_shows_the_spell_and_the_template(tables: Tables, world: World) -> None:
    world.receive(ANA)
    world.wait(days=2)
    trigger = world.trigger(ANA, RULE)
    cause = Cause(kind=CauseKind.RULE, rule_id=RULE, trigger_id=trigger.trigger_id, action=0)
    form = Template(name="come_back", language="en")
    world.sent(world.queue(ANA, cause, template=form, message_id="out"))
    found = explained(tables, world, "out")
    assert found.rule == RuleFacts(RULE, "rule", trigger.trigger_id, 0, world.now, NOW)
    assert (found.window.was_open, found.window.template) == (False, "come_back")


def test_a_rule_or_an_action_that_was_skipped_says_why(tables: Tables, world: World) -> None:
    world.receive(ANA)
    skipped, trigger = world.skip_rule(ANA, RULE), world.trigger(ANA, RULE)
    of = {"user_id": ANA, "rule_id": RULE, "trigger_id": trigger.trigger_id}
    world.record(ActionSkipped, CREATOR, action=1, reason="member_wrote", **of)
    rule = explained(tables, world, skipped.trigger_id)
    assert (rule.status, rule.code, rule.rule) == (
        "skipped",
        "outside_window",
        RuleFacts(RULE, "rule", skipped.trigger_id, None, NOW, NOW),
    )
    action = explained(tables, world, action_message_id(trigger.trigger_id, 1))
    assert (action.code, action.rule) == ("member_wrote", RuleFacts(RULE, "rule", trigger.trigger_id, 1, NOW, NOW))
    for unknown in (trigger.trigger_id, action_message_id(trigger.trigger_id, 0), "x"):
        assert tables.ask(explanation_of, CREATOR, ANA, unknown) is None

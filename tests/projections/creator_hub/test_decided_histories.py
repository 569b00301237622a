"""The read models over histories that the context's deciders made: no projection stops, and every figure is right."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from commands.creator_hub.effects import FindInactive, SendToMember
from commands.creator_hub.rule import CreateRule
from domain.creator_hub.export import Metric
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.message import MessageQueued
from domain.creator_hub.trigger import RuleTriggered
from projections.creator_hub.messages import member_of_message
from projections.creator_hub.queries.detailed import Granularity
from projections.creator_hub.queries.explanation import explanation_of
from projections.creator_hub.queries.inactivity import find_inactive
from projections.creator_hub.queries.user_enrollments import enrollments_of
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from tests.commands.creator_hub import world as commanded
from tests.commands.creator_hub.world import node, send
from tests.projections.creator_hub.counts import check, check_detailed
from tests.projections.creator_hub.histories import CREATOR, World
from tests.projections.tables import Tables

TYPES = (ChannelType.WEB, ChannelType.WHATSAPP)
TEXTS = ("Hi", "STOP", "START", "5", "2", "I want to speak to a person")
ACTS = ("say", "say", "enroll", "wait", "wait")


class Decided(commanded.World):
    """A creator with two channels, programs and a rule, whose searches are made in the read models."""

    def __init__(self, tables: Tables, seed: int) -> None:
        super().__init__(CREATOR)
        self.tables, self.chance = tables, Random(seed)
        for type_ in TYPES:
            self.channel(type_)
        ask = node("ask", "wait_for_reply", rating=True, timeout_hours=30)
        self.programs = [
            self.program(send("a", "Hello"), ask, send("b", "Thanks", 5), name="First", auto_enroll=True),
            self.program(node("ai", "ai_message", prompt="Cheer up"), send("c", "Bye", 30), name="Second"),
        ]
        self.answers |= {FindInactive: self.search, SendToMember: self.fate}
        action = {"type": "send_message", "message_template": "Still there?", "delay_minutes": 10}
        rule: dict[str, Any] = {"rule_name": "R", "description": "", "trigger_conditions": {}, "actions": (action,)}
        rule |= {"is_active": True, "threshold_seconds": 36_000.0, "applies_to": "all_users", "include_dormant": True}
        self.do(CreateRule(at=self.clock.now(), creator_id=CREATOR, rule_id="rule", status_reason=None, **rule))

    def search(self, effect: FindInactive) -> Verdict:
        self.shown()
        page = self.tables.ask(
            find_inactive,
            effect.creator_id,
            effect.rule_id,
            timedelta(seconds=effect.threshold_seconds),
            effect.as_of,
            effect.applies_to,
            effect.since,
            effect.cursor,
            limit=2,
        )
        due = [one.model_dump(mode="json") for one in page.due]
        return Accepted("found", {"due": due, "next": page.next, "next_due": page.next_due})

    def fate(self, _effect: Any) -> Verdict:
        fates: list[Verdict] = [*[Accepted("p")] * 6, Deferred("away", "down"), Unknown("cut"), Rejected("odd", "no")]
        return self.chance.choice(fates)

    def shown(self) -> World:
        """The history so far, and the tables as they show it."""
        events = [one.fact for one in self.runtime.journal if one.fact.name.startswith("creator_hub.")]
        self.tables.clear()
        self.tables.apply([(CREATOR, event) for event in events], self.chance)
        return World.of_events(events, CREATOR, self.clock.now())

    def act(self, kind: str, number: int) -> None:
        address, type_ = self.chance.choice(("ana", "bea", "cleo")), self.chance.choice(TYPES)
        match kind:
            case "say":
                self.says(address, self.chance.choice(TEXTS), type_, number)
            case "enroll" if self.runtime.journal:
                self.enroll(self.member(address, type_), self.chance.choice(self.programs))
            case _:
                self.wait(timedelta(hours=self.chance.choice([0.5, 3, 11, 26, 70])))


@given(seed=st.integers(0, 10**6), acts=st.lists(st.sampled_from(ACTS), min_size=5, max_size=14))
@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_figures_of_what_was_decided_are_right(installed: Tables, seed: int, acts: list[str]) -> None:
    decided = Decided(installed, seed)
    for number, act in enumerate(acts):
        decided.act(act, number)
    world = decided.shown()
    check(installed, world)
    for metric in Metric:
        check_detailed(installed, world, metric, Granularity.WEEK)
    for queued in world.of(MessageQueued):
        assert installed.ask(member_of_message, CREATOR, queued.message_id) == queued.user_id
        found = installed.ask(explanation_of, CREATOR, queued.user_id, queued.message_id)
        assert found is not None
        assert [found.step, found.reply, found.rule] != [None, None, None]


def test_a_rule_finds_its_members_in_the_read_models(installed: Tables) -> None:
    decided = Decided(installed, 1)
    decided.answers[SendToMember] = lambda _effect: Accepted("p")
    for number, address in enumerate(("ana", "bea", "cleo")):
        decided.says(address, "Hi", ChannelType.WEB, number)
    decided.wait(timedelta(hours=10, minutes=1))
    world = decided.shown()
    assert len(world.of(RuleTriggered)) == 3
    decided.wait(timedelta(hours=20))
    assert len(decided.shown().of(RuleTriggered)) == 3, "once in a spell"
    check(installed, decided.shown())


def test_progress_is_that_of_the_deciders(installed: Tables) -> None:
    decided = Decided(installed, 1)
    decided.answers[SendToMember] = lambda _effect: Accepted("p")
    decided.says("ana", "Hi")
    decided.shown()
    (enrolled,) = installed.ask(enrollments_of, CREATOR, decided.member("ana"))
    assert 0 < enrolled.progress < 1
    assert enrolled.node == "ask"
    decided.says("ana", "5", number=2)
    decided.wait(timedelta(hours=6))
    decided.shown()
    (enrolled,) = installed.ask(enrollments_of, CREATOR, decided.member("ana"))
    assert (enrolled.progress, enrolled.status) == (1.0, "completed")

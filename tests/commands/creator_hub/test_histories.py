"""What must hold after any history: of members, programs, rules, providers, time and the order of everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.creator_hub.effects import AnswerMember, FindInactive, SendToMember
from commands.creator_hub.member import ReceiveMessage
from commands.creator_hub.program import ArchiveProgram, UpdateProgram
from commands.creator_hub.rule import CreateRule
from domain.calls.chat import UNREACHABLE_RECIPIENT, WINDOW_CLOSED
from domain.creator_hub.enrollment import (
    Completed,
    Enrolled,
    StepAnswered,
    StepDelivered,
    StepFailed,
    StepScheduled,
    StepSkipped,
)
from domain.creator_hub.kinds import ChannelType, OfCreator
from domain.creator_hub.member import MessageReceived, OptedIn, OptedOut
from domain.creator_hub.message import CauseKind, MessageQueued
from domain.creator_hub.reply import ReplyComposed, ReplyDiscarded, ReplyRequested, ReplySkipped
from domain.creator_hub.trigger import EngagementSucceeded, RuleSkipped, RuleTriggered
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from tests.commands.creator_hub.test_rule import Found
from tests.commands.creator_hub.world import CREATOR, NOW, World, id_of, node, replied, row, send

MEMBERS = ("ada", "bob")
CHANNELS = (ChannelType.WEB, ChannelType.WHATSAPP, ChannelType.TELEGRAM)
TEXTS = ("hello", "STOP", "START", "a human please", "4", "why?")
FLOWS = (
    (send("a", "One"), send("b", "Two", 30), send("c", "Three")),
    (send("a", "Uno"), node("w", "wait_for_reply", timeout_hours=20, rating=True), send("b", "Dos")),
    (node("ai", "ai_message", prompt="Greet"), node("e", "escalate"), send("b", "Drei", 5)),
)


def verdicts(chance: Random) -> Callable[[Any], Verdict]:
    """A provider that answers, is away, is cut, refuses or knows something about the member."""

    fates: list[Verdict] = [
        *[Accepted("p")] * 6,
        Deferred("away", "down"),
        Unknown("cut"),
        Rejected("odd", "no"),
        Rejected(WINDOW_CLOSED, "closed"),
        Rejected(UNREACHABLE_RECIPIENT, "blocked"),
    ]
    return lambda _effect: chance.choice(fates)


def model(chance: Random) -> Callable[[Any], Verdict]:
    good = replied()
    return lambda effect: chance.choice([good(effect), good(effect), Deferred("busy", "b", 600.0), Rejected("no", "n")])


def fresh(seed: int) -> World:
    """A creator with three channels, three programs and a rule."""
    chance, world = Random(seed), World()
    for type_ in (ChannelType.WEB, ChannelType.WHATSAPP, ChannelType.TELEGRAM):
        world.channel(type_)
    for number, flow in enumerate(FLOWS):
        world.program(*flow, name=f"P{number}", auto_enroll=number == 0)
    world.answers |= {SendToMember: verdicts(chance), AnswerMember: model(chance), FindInactive: Found(world)}
    action = {"type": "send_message", "message_template": "Still there?", "delay_minutes": 10}
    rule: dict[str, Any] = {"rule_name": "R", "description": "", "trigger_conditions": {}, "actions": (action,)}
    rule |= {"is_active": True, "threshold_seconds": 36_000.0, "applies_to": "all_users", "include_dormant": False}
    world.do(CreateRule(at=NOW, creator_id=CREATOR, rule_id=id_of("rule"), status_reason=None, **rule))
    return world


class History:
    """The acts of a history, each with what it draws."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.world = fresh(seed)
        self.number = 0
        self.said: list[tuple[str, str, ChannelType, int]] = []

    def say(self) -> None:
        self.number += 1
        said = (self.chance.choice(MEMBERS), self.chance.choice(TEXTS), self.chance.choice(CHANNELS), self.number)
        self.said.append(said)
        self.world.says(*said)

    def say_again(self) -> None:
        """The provider delivers a message once more."""
        if self.said:
            self.world.says(*self.chance.choice(self.said))

    def enroll(self) -> None:
        user = self.world.member(self.chance.choice(MEMBERS), self.chance.choice(CHANNELS))
        self.world.enroll(user, self._program())

    def publish(self) -> None:
        self.number += 1
        program = self._program()
        flow = row(send(f"n{self.number}", f"New {self.number}", self.chance.choice([0, 3])))
        parts: dict[str, Any] = {"program_name": None, "description": None, "settings": None, "flow_definition": flow}
        self.world.do(UpdateProgram(at=NOW, creator_id=CREATOR, program_id=program, **parts))
        self.world.publish(program, self.number)

    def archive(self) -> None:
        self.world.do(ArchiveProgram(at=NOW, creator_id=CREATOR, program_id=id_of(CREATOR, "P2")))

    def wait(self) -> None:
        self.world.wait(timedelta(hours=self.chance.choice([0.2, 3, 11, 26, 70])))

    def _program(self) -> str:
        return id_of(CREATOR, f"P{self.chance.randrange(len(FLOWS))}")


ACTS = ["say", "say", "say", "say_again", "enroll", "publish", "archive", "wait", "wait", "wait"]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.lists(st.sampled_from(ACTS), min_size=3, max_size=14))
def test_whatever_happens_nothing_is_sent_twice_or_to_whom_it_must_not_go(seed: int, acts: list[str]) -> None:
    history = History(seed)
    for act in acts:
        getattr(history, act)()
    history.world.answers |= {SendToMember: lambda _effect: Accepted("p"), AnswerMember: replied()}
    history.world.wait(timedelta(days=4))
    check(history.world)


def check(world: World) -> None:
    queued = world.facts(MessageQueued)
    assert max(Counter(one.message_id for one in queued).values(), default=0) <= 1
    check_steps(world)
    check_rules(world)
    check_consent(world)
    check_replies(world)
    sends = Counter((one.message_id, one.part) for one in world.calls if isinstance(one, SendToMember))
    accepted = {one.message_id for one in queued}
    assert {message for message, _ in sends} <= accepted


def check_steps(world: World) -> None:
    """No step is taken twice, each of the version that it was enrolled in; progress never falls; the end comes once."""
    enrolled = {one.enrollment_id: one for one in world.facts(Enrolled)}
    assert len(enrolled) == len(world.facts(Enrolled))
    settled = Counter((o.enrollment_id, o.n) for o in world.facts(StepDelivered, StepSkipped, StepFailed, StepAnswered))
    assert max(settled.values(), default=1) == 1
    assert max(Counter(one.enrollment_id for one in world.facts(Completed)).values(), default=1) == 1
    for step in world.facts(StepScheduled):
        assert step.flow_id == enrolled[step.enrollment_id].flow_id
    last: dict[str, float] = {}
    for one in world.facts(StepDelivered, StepSkipped, StepFailed, StepAnswered):
        assert one.progress >= last.get(one.enrollment_id, 0.0)
        last[one.enrollment_id] = one.progress


def check_rules(world: World) -> None:
    """Once in a spell, after the threshold, and never while the member has written in between."""
    spells = Counter((one.rule_id, one.user_id, one.spell) for one in world.facts(RuleTriggered, RuleSkipped))
    assert max(spells.values(), default=1) == 1
    received = world.facts(MessageReceived)
    for one in world.facts(RuleTriggered):
        assert one.at - one.spell >= timedelta(hours=10)
        assert not [m for m in received if m.user_id == one.user_id and one.spell < m.at <= one.at]
    for success in world.facts(EngagementSucceeded):
        assert 0 <= success.seconds <= 86_400
    assert len({one.trigger_id for one in world.facts(EngagementSucceeded)}) == len(world.facts(EngagementSucceeded))


def check_consent(world: World) -> None:
    """What the member has not asked for goes to nobody whose last word forbids it."""
    stopped: dict[str, bool] = {}
    for one in world.runtime.journal:
        fact = one.fact
        if isinstance(fact, OptedOut):
            stopped[fact.user_id] = True
        elif isinstance(fact, OptedIn) or (
            isinstance(fact, MessageReceived) and not word_holds(world, fact.user_id, fact.at)
        ):
            stopped[fact.user_id] = False
        elif isinstance(fact, MessageQueued) and fact.cause.kind is not CauseKind.REPLY:
            assert not stopped.get(fact.user_id, False)


def _frees(world: World, fact: Any) -> bool:
    """Whether it is a message of a member whose sender was blocked, and who has not written a stop word."""
    return isinstance(fact, MessageReceived) and not word_holds(world, fact.user_id, fact.at)


def word_holds(world: World, user: str, until: Any) -> bool:
    """Whether the member's own word forbids it; a sender that was blocked is free again with the next message."""
    words = [one for one in world.facts(OptedOut, OptedIn) if one.user_id == user and one.at <= until]
    own = [one for one in words if isinstance(one, OptedIn) or one.source == "word"]
    return bool(own) and isinstance(own[-1], OptedOut)


def check_replies(world: World) -> None:
    """A reply is settled once, and one at most is open for a member."""
    settled = [
        *(one.reply_id for one in world.facts(ReplyComposed, ReplyDiscarded)),
        *(one.reply_id for one in world.facts(ReplySkipped) if one.reply_id is not None),
    ]
    assert len(settled) == len(set(settled))
    assert set(settled) == {one.reply_id for one in world.facts(ReplyRequested)}
    heard = Counter(one.message_id for one in world.facts(MessageReceived))
    assert max(heard.values(), default=1) == 1


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_two_creators_with_the_same_ids_never_see_each_other(seed: int) -> None:
    one = fresh(seed)
    other = World("other", one.runtime)
    other.model = False
    other.answers = dict(one.answers)
    before = len([fact for fact in one.facts(OfCreator) if fact.creator_id == CREATOR])
    for type_ in ChannelType:
        outcome = other.do(foreign(one, other, type_))
        assert outcome.problem is not None
    assert len([fact for fact in one.facts(OfCreator) if fact.creator_id == CREATOR]) == before


def foreign(one: World, other: World, type_: ChannelType) -> ReceiveMessage:
    """A message on the other's channel, under one's own name."""
    return ReceiveMessage(
        at=NOW,
        creator_id=other.creator,
        user_id=one.member("ada", type_),
        channel_id=id_of(CREATOR, type_),
        message_id=id_of("m"),
        provider_id="m",
        address="ada",
        member_name=None,
        content="text",
        text="hello",
        language=None,
        said_at=NOW,
        model=True,
    )

"""Rules: who has been inactive is written to, once in a spell, and each action is decided when it is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from commands.creator_hub.effects import FindInactive
from commands.creator_hub.rule import CreateRule
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import MessageReceived
from domain.creator_hub.message import MessageQueued
from domain.creator_hub.rule import SweepStarted, Swept
from domain.creator_hub.trigger import ActionSkipped, EngagementSucceeded, RuleSkipped, RuleTriggered
from streams.core.calls import Accepted, Verdict
from tests.commands.creator_hub.world import CREATOR, DAY, HOUR, NOW, World, id_of

RULE = id_of("rule")
MINUTE = timedelta(minutes=1)


class Found:
    """The search for inactive members, over the journal: naive, and as the read model will be asked."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, effect: FindInactive) -> Verdict:
        last: dict[str, MessageReceived] = {}
        for fact in self._world.facts(MessageReceived):
            last[fact.user_id] = fact
        threshold = timedelta(seconds=effect.threshold_seconds)
        done = {(one.user_id, one.spell) for one in self._world.facts(RuleTriggered, RuleSkipped)}
        open_ = [one for one in last.values() if (one.user_id, one.at) not in done]
        due = [one for one in open_ if one.at + threshold <= effect.as_of]
        rest = [one.at + threshold for one in open_ if one.at + threshold > effect.as_of]
        found = [{"user_id": o.user_id, "channel_id": o.channel_id, "spell": o.at.isoformat()} for o in due]
        next_due = min(rest).isoformat() if rest else None
        return Accepted("rows", {"due": found, "next": None, "next_due": next_due})


@pytest.fixture
def world() -> World:
    one = World()
    one.model = False
    one.channel()
    one.answers[FindInactive] = Found(one)
    return one


def rule(world: World, *actions: dict[str, Any], hours: float | None = 24.0, active: bool = True) -> None:
    world.do(
        CreateRule(
            at=NOW,
            creator_id=CREATOR,
            rule_id=RULE,
            rule_name="Follow-up",
            description="",
            trigger_conditions={"type": "inactivity"},
            actions=actions or (message("Hey {user_name}!"),),
            is_active=active,
            threshold_seconds=None if hours is None else hours * 3600,
            applies_to="all_users",
            include_dormant=False,
            status_reason=None,
        )
    )


def message(text: str, minutes: float = 0) -> dict[str, Any]:
    return {"type": "send_message", "message_template": text, "delay_minutes": minutes}


def times(world: World) -> list[datetime]:
    return [one.at for one in world.facts(MessageQueued)]


def test_a_member_who_has_been_inactive_is_written_to_once_in_a_spell(world: World) -> None:
    world.says("ada", "hello")
    rule(world)
    world.wait(5 * DAY)
    assert world.sent() == ["Hey Ada!"]
    assert NOW + DAY <= times(world)[0] <= NOW + DAY + MINUTE
    world.says("ada", "I am here", number=2)
    world.wait(5 * DAY)
    assert len(world.sent()) == 2


def test_who_writes_after_a_sweep_is_not_due_unseen(world: World) -> None:
    rule(world)
    world.wait(10 * HOUR)
    world.says("ada", "hello")
    since = world.clock.now()
    world.wait(3 * DAY)
    assert since + DAY <= times(world)[0] <= since + DAY + MINUTE


def test_a_message_in_time_is_the_rules_success_and_cancels_what_is_not_out_yet(world: World) -> None:
    world.says("ada", "hello")
    rule(world, message("First"), message("Second", 60))
    world.wait(DAY + 30 * MINUTE)
    world.says("ada", "back", number=2)
    world.wait(2 * HOUR)
    assert world.sent() == ["First"]
    assert [one.reason for one in world.facts(ActionSkipped)] == ["member_wrote"]
    (success,) = world.facts(EngagementSucceeded)
    assert 1700 <= success.seconds <= 1800


def test_a_message_after_a_day_is_no_success(world: World) -> None:
    world.says("ada", "hello")
    rule(world)
    world.wait(2 * DAY + HOUR)
    world.says("ada", "back", number=2)
    assert world.facts(EngagementSucceeded) == []


def test_who_has_stopped_is_skipped_with_the_reason(world: World) -> None:
    world.says("ada", "STOP")
    rule(world)
    world.wait(3 * DAY)
    assert world.sent() == []
    assert [one.reason for one in world.facts(RuleSkipped)] == ["opted_out"]


def test_outside_the_window_a_rule_is_skipped() -> None:
    world = World()
    world.model = False
    world.channel(ChannelType.WHATSAPP)
    world.answers[FindInactive] = Found(world)
    world.says("ada", "hello", ChannelType.WHATSAPP)
    rule(world, hours=48)
    world.wait(4 * DAY)
    assert [one.reason for one in world.facts(RuleSkipped)] == ["outside_window"]


def test_an_action_of_an_unknown_type_is_skipped_and_recorded(world: World) -> None:
    world.says("ada", "hello")
    rule(world, {"type": "call"}, message("Hello"))
    world.wait(2 * DAY)
    assert [one.reason for one in world.facts(ActionSkipped)] == ["unknown_type"]
    assert world.sent() == ["Hello"]


@pytest.mark.parametrize(("hours", "active"), [(None, True), (24.0, False)])
def test_a_rule_that_never_fires_has_no_sweeps(world: World, hours: float | None, active: bool) -> None:
    world.says("ada", "hello")
    rule(world, hours=hours, active=active)
    world.wait(5 * DAY)
    assert world.facts(SweepStarted) == []


def test_sweeps_do_not_run_hot(world: World) -> None:
    world.says("ada", "hello")
    rule(world, hours=1 / 3600 / 1000)
    world.wait(timedelta(seconds=30))
    assert len(world.facts(Swept)) <= 31

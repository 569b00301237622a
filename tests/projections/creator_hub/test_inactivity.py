"""The search for inactive members against a naive one over random histories, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.creator_hub.enrollment import Enrolled
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import MemberRegistered, MessageReceived
from domain.creator_hub.rule import Due
from domain.creator_hub.trigger import RuleSkipped, RuleTriggered
from projections.creator_hub.queries.inactivity import InactivePage, find_inactive
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.creator_hub.random_histories import Step, Story, steps, told
from tests.projections.tables import Tables

RULE = f"{CREATOR}/first"
DAY = timedelta(days=1)
SCOPES = ("all_users", "channel:web", "channel:whatsapp", f"program:{CREATOR}/first", "everybody")


def found(tables: Tables, as_of: datetime, **filters: Any) -> InactivePage:
    return tables.ask(find_inactive, CREATOR, RULE, filters.pop("threshold", DAY), as_of, **filters)


def in_scope(story: Story, member: MemberRegistered, applies_to: str) -> bool:
    kind, _, value = applies_to.partition(":")
    match kind:
        case "channel":
            return member.channel_type.value == value
        case "program":
            return any(one.user_id == member.user_id and one.program_id == value for one in story.of(Enrolled))
        case _:
            return kind == "all_users"


def naive(story: Story, as_of: datetime, applies_to: str, since: datetime | None) -> tuple[list[Due], datetime | None]:
    """Those due, and the time at which the next one becomes so."""
    channels = {one.user_id: one.channel_id for one in story.of(MessageReceived)}
    triggered = {(one.user_id, one.spell) for one in story.of(RuleTriggered) if one.rule_id == RULE}
    done = triggered | {(one.user_id, one.spell) for one in story.of(RuleSkipped) if one.rule_id == RULE}
    last = {
        member.user_id: story.last_active_at[member.user_id]
        for member in story.of(MemberRegistered)
        if member.creator_id == CREATOR and in_scope(story, member, applies_to) and member.user_id in channels
    }
    wanted = {user: at for user, at in last.items() if since is None or at >= since}
    due = [
        Due(user_id=user, channel_id=channels[user], spell=at)
        for user, at in wanted.items()
        if at <= as_of - DAY and (user, at) not in done
    ]
    rest = [at + DAY for at in wanted.values() if at > as_of - DAY]
    return sorted(due, key=lambda one: (one.spell, one.user_id)), min(rest, default=None)


@given(happened=steps, back=st.integers(0, 60))
@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_who_is_due_is_who_a_count_over_the_events_says(installed: Tables, happened: list[Step], back: int) -> None:
    story = told(happened)
    installed.clear()
    installed.apply(story.history)
    as_of = story.now
    for applies_to in SCOPES:
        for since in (None, as_of - timedelta(hours=back)):
            due, next_due = naive(story, as_of, applies_to, since)
            filters: dict[str, Any] = {"applies_to": applies_to, "since": since}
            assert found(installed, as_of, **filters) == InactivePage(due, None, next_due)
            page, pages = found(installed, as_of, limit=1, **filters), []
            while page.next is not None:
                pages += page.due
                page = found(installed, as_of, limit=1, cursor=page.next, **filters)
            assert (pages + page.due, page.next_due) == (due, next_due)


@pytest.fixture
def world() -> World:
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    for name in ("ana", "bea"):
        world.receive(world.register(CREATOR, name, web, ChannelType.WEB))
    world.wait(days=1)
    return world


def test_a_member_is_due_exactly_at_the_threshold(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    assert found(tables, NOW + DAY - timedelta(microseconds=1)) == InactivePage([], None, NOW + DAY)
    assert len(found(tables, NOW + DAY).due) == 2


def test_a_rule_leaves_a_member_alone_until_the_next_spell(tables: Tables, world: World) -> None:
    ana = f"{CREATOR}/ana"
    world.skip_rule(ana, RULE)
    world.trigger(f"{CREATOR}/bea", "another rule")
    tables.apply(world.history)
    assert [one.user_id for one in found(tables, world.now).due] == [f"{CREATOR}/bea"]
    world.receive(ana)
    world.wait(days=1)
    tables.clear()
    tables.apply(world.history)
    assert [one.user_id for one in found(tables, world.now).due] == [f"{CREATOR}/bea", ana]


def test_no_erased_member_and_none_of_another_creator_is_found(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    tables.erase(f"creator_hub:{CREATOR}/ana")
    assert [one.user_id for one in found(tables, world.now).due] == [f"{CREATOR}/bea"]
    assert tables.ask(find_inactive, OTHER, RULE, DAY, world.now).due == []

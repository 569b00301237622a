"""The dashboard's and the rules' figures at the edges of a period, which random histories seldom meet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.creator_hub.kinds import ChannelType
from projections.creator_hub.queries.channel_analytics import channel_analytics
from projections.creator_hub.queries.overview import TopProgram, Trend, halves, overview, trend
from projections.creator_hub.queries.rule_analytics import rule_analytics
from tests.projections.creator_hub.histories import CREATOR, NOW, World
from tests.projections.tables import Tables

TODAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("days", "first", "first_half_ends", "second_half_begins"),
    [(30, date(2026, 1, 2), date(2026, 1, 16), date(2026, 1, 17)), (7, date(2026, 1, 25), *[None] * 2)],
)
def test_the_halves_of_a_period_are_equally_long(
    days: int, first: date, first_half_ends: date | None, second_half_begins: date | None
) -> None:
    found = halves(TODAY, days)
    assert (found["first"], found["last"]) == (first, TODAY)
    assert found["first_half_ends"] == (first_half_ends or date(2026, 1, 27))
    assert found["second_half_begins"] == (second_half_begins or date(2026, 1, 29))


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (100, 105, Trend.STABLE),
        (100, 106, Trend.INCREASING),
        (100, 95, Trend.STABLE),
        (100, 94, Trend.DECREASING),
        (0, 1, Trend.INCREASING),
        (0, 0, Trend.STABLE),
        (1, 0, Trend.DECREASING),
    ],
)
def test_a_change_within_five_percent_is_none(before: float, after: float, wanted: Trend) -> None:
    assert trend(before, after) is wanted


@pytest.fixture
def world() -> World:
    world = World()
    world.register(CREATOR, "ana", world.channel(CREATOR, ChannelType.WEB), ChannelType.WEB)
    return world


ANA = f"{CREATOR}/ana"


def test_the_rate_of_a_top_program_is_that_of_those_who_enrolled_in_the_period(tables: Tables, world: World) -> None:
    course = world.program(CREATOR, "course")
    ana, bea = world.enroll(ANA, course), world.register(CREATOR, "bea", f"{CREATOR}/web", ChannelType.WEB)
    world.wait(days=10)
    second = world.enroll(bea, course)
    world.complete(ana)
    tables.apply(world.history)
    week = tables.ask(overview, CREATOR, world.now, 7)
    assert week.top_programs == [TopProgram(course, "course", 1, 0)]
    assert week.program_completions == 1
    world.wait(days=5)
    world.complete(second)
    tables.clear()
    tables.apply(world.history)
    assert tables.ask(overview, CREATOR, world.now, 7).top_programs == [TopProgram(course, "course", 1, 1)]


def test_growth_is_that_over_the_users_before_the_period(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    assert tables.ask(overview, CREATOR, NOW, 7).user_growth_rate == 1.0
    assert tables.ask(overview, CREATOR, NOW + timedelta(days=7), 7).user_growth_rate == 0.0
    assert tables.ask(overview, "nobody", NOW, 7).user_growth_rate == 0.0


def test_a_success_counts_on_the_day_of_its_trigger(tables: Tables, world: World) -> None:
    trigger = world.trigger(ANA, world.rule(CREATOR, "rule"))
    world.wait(hours=20)
    world.succeed(trigger)
    tables.apply(world.history)
    day = NOW.date()
    first = tables.ask(rule_analytics, CREATOR, day, day)
    assert (first.total_triggers, first.successful_engagements, first.success_rate) == (1, 1, 1.0)
    assert first.average_response_time_hours == 20.0
    next_day = tables.ask(rule_analytics, CREATOR, day + timedelta(days=1), day + timedelta(days=1))
    assert (next_day.total_triggers, next_day.successful_engagements, next_day.success_rate) == (0, 0, 0.0)


def test_the_members_of_a_channel_are_those_at_the_end_of_the_range(tables: Tables, world: World) -> None:
    world.receive(ANA)
    world.wait(days=2)
    world.receive(world.register(CREATOR, "bea", f"{CREATOR}/web", ChannelType.WEB))
    tables.apply(world.history)
    early = tables.ask(channel_analytics, CREATOR, f"{CREATOR}/web", NOW.date(), NOW.date())
    assert early is not None
    assert (early.unique_users, early.members, early.engagement_rate) == (1, 1, 1.0)
    late = tables.ask(channel_analytics, CREATOR, f"{CREATOR}/web", world.now.date(), world.now.date())
    assert late is not None
    assert (late.unique_users, late.members, late.engagement_rate) == (1, 2, 0.5)

"""Every figure of a creator, counted naively from the events, and compared with what the queries say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from domain.creator_hub.channel import ChannelCreated
from domain.creator_hub.enrollment import Completed, Enrolled
from domain.creator_hub.export import Metric
from domain.creator_hub.member import Escalated, MemberRegistered, MessageReceived
from domain.creator_hub.message import CauseKind, MessageDelivered, MessageRead, MessageSent
from domain.creator_hub.program import ProgramCreated
from domain.creator_hub.rule import RuleCreated
from domain.creator_hub.trigger import EngagementSucceeded as Succeeded
from domain.creator_hub.trigger import RuleTriggered
from projections.creator_hub.queries.channel_analytics import ChannelAnalytics, ChannelDay, channel_analytics
from projections.creator_hub.queries.channels import channels_of
from projections.creator_hub.queries.detailed import Bucket, Granularity, Segment, buckets_of, detailed
from projections.creator_hub.queries.overview import Overview, TopProgram, Trend, overview
from projections.creator_hub.queries.programs import program_analytics
from projections.creator_hub.queries.rule_analytics import RulePerformance, rule_analytics
from projections.creator_hub.queries.rules import rules_of
from projections.creator_hub.queries.users import users_page
from tests.projections.creator_hub.histories import CREATOR, World, day
from tests.projections.tables import Tables, Written

ANA = f"{CREATOR}/ana"
ALWAYS = date(2026, 1, 1)
"""A day before anything happens."""


class Counted(NamedTuple):
    """An interaction, with the event that makes it one."""

    event: MessageReceived | MessageSent | MessageDelivered | MessageRead
    creator: str
    user: str
    channel: str
    channel_type: str
    at: datetime

    @property
    def day(self) -> date:
        return day(self.at)

    @property
    def program(self) -> str:
        """The program that it belongs to."""
        if not isinstance(self.event, MessageReceived):
            return self.event.cause.program_id or "none"
        return next((step.program_id for step in self.event.awaited_by if not step.held), "none")


def interactions(history: Sequence[Written]) -> list[Counted]:
    """Every interaction in these events."""
    return [
        Counted(event, event.creator_id, event.user_id, event.channel_id, event.channel_type.value, event.at)
        for _, event in history
        if isinstance(event, MessageReceived | MessageSent)
        or (isinstance(event, MessageDelivered | MessageRead) and event.confirms)
    ]


def mine(world: World, kind: type[Any]) -> list[Any]:
    """The events of a kind of the one creator."""
    return [event for event in world.of(kind) if event.creator_id == CREATOR]


def of_creator(world: World) -> list[Counted]:
    return [one for one in interactions(world.history) if one.creator == CREATOR]


def mean_of(values: list[float]) -> float:
    return round(sum(values) / len(values), 2) if values else 0.0


def share_of(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def counted_channel(world: World, channel: str, first: date, last: date) -> ChannelAnalytics:
    """The figures of a channel, counted from the events."""
    every = [one for one in of_creator(world) if one.channel == channel]
    ranged = [one for one in every if first <= one.day <= last]
    heard = [one for one in ranged if isinstance(one.event, MessageReceived)]
    news = [one for one in heard if isinstance(one.event, MessageReceived) and one.event.first_on_channel]
    waits = [
        (one.at - one.event.cause.answered_at).total_seconds()
        for one in ranged
        if isinstance(one.event, MessageSent)
        and one.event.cause.kind is CauseKind.REPLY
        and one.event.cause.answered_at is not None
    ]
    ratings = [float(rating) for one in heard if (rating := getattr(one.event, "rating", None)) is not None]
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return ChannelAnalytics(
        total_messages=len(ranged),
        unique_users=len({one.user for one in heard}),
        new_users=len(news),
        average_response_time_seconds=mean_of(waits),
        user_satisfaction_score=mean_of(ratings),
        members=len({one.user for one in every if isinstance(one.event, MessageReceived) and one.day <= last}),
        days=[
            ChannelDay(
                one,
                sum(interaction.day == one for interaction in ranged),
                len({interaction.user for interaction in heard if interaction.day == one}),
                sum(interaction.day == one for interaction in news),
            )
            for one in days
        ],
    )


def check_channels(tables: Tables, world: World) -> None:
    last = world.now.date()
    for first in (last, last - timedelta(days=9), last - timedelta(days=400)):
        for listed in tables.ask(channels_of, CREATOR):
            channel = listed.channel.channel_id
            found = tables.ask(channel_analytics, CREATOR, channel, first, last)
            assert found == counted_channel(world, channel, first, last)
            assert listed.members == found.members


def counted_overview(world: World, days: int) -> Overview:
    """The dashboard, counted from the events."""
    last = world.now.date()
    first = last - timedelta(days=days - 1)
    every = [one for one in of_creator(world) if one.day >= first]
    members, enrolled = mine(world, MemberRegistered), mine(world, Enrolled)
    heard = [one for one in every if isinstance(one.event, MessageReceived)]
    causes = [one.event.cause for one in every if not isinstance(one.event, MessageReceived)]
    earlier, later = first + timedelta(days=days // 2), last - timedelta(days=days // 2)
    before, after = [one for one in every if one.day < earlier], [one for one in every if one.day > later]
    scores = [0.0 if member.user_id not in world.active else score(world, member.user_id) for member in members]
    completed = {one.enrollment_id for one in mine(world, Completed)}
    period = [one for one in enrolled if day(one.at) >= first]
    top = Counter(one.program_id for one in period)
    names = {one.program_id: one.program_name for one in mine(world, ProgramCreated)}
    return Overview(
        total_users=len(members),
        new_users=sum(day(member.at) >= first for member in members),
        active_users=len({one.user for one in heard}),
        total_interactions=len(every),
        ai_interactions=sum(cause.ai for cause in causes),
        human_escalations=sum(day(one.at) >= first for one in mine(world, Escalated)),
        average_engagement_score=mean_of(scores),
        program_completions=sum(day(one.at) >= first for one in mine(world, Completed)),
        engagement_trend=trend_of(len(before), len(after)),
        satisfaction_trend=satisfaction(before, after),
        top_programs=[
            TopProgram(
                program,
                names[program],
                number,
                sum(one.program_id == program and one.enrollment_id in completed for one in period),
            )
            for program, number in sorted(top.items(), key=lambda item: (-item[1], item[0]))[:5]
        ],
    )


def score(world: World, user: str) -> float:
    since = (world.now - world.last_active_at[user]) / timedelta(days=7)
    activity = world.active[user] * 0.5**since
    return float(activity / (activity + 3))


def trend_of(before: float, after: float) -> Trend:
    if 0.95 * before <= after <= 1.05 * before:
        return Trend.STABLE
    return Trend.INCREASING if after > before else Trend.DECREASING


def satisfaction(before: list[Counted], after: list[Counted]) -> Trend:
    rated = [[rating for one in half if (rating := getattr(one.event, "rating", None))] for half in (before, after)]
    if not all(rated):
        return Trend.STABLE
    return trend_of(*(sum(half) / len(half) for half in rated))


def check_overview(tables: Tables, world: World) -> None:
    for days in (7, 30, 90, 365):
        found = tables.ask(overview, CREATOR, world.now, days)
        assert abs(found.average_engagement_score - counted_overview(world, days).average_engagement_score) <= 0.01
        assert found._replace(average_engagement_score=0) == counted_overview(world, days)._replace(
            average_engagement_score=0
        )
        assert found.new_users <= found.total_users
        first = world.now.date() - timedelta(days=days - 1)
        of_days = tables.ask(detailed, CREATOR, Metric.INTERACTIONS, first, world.now.date())
        assert of_days.total_value == found.total_interactions


def values_of(world: World, metric: Metric, first: date, last: date, granularity: Granularity) -> list[tuple[Any, ...]]:
    """What is counted: the first day of its bucket, and its segments by channel, program and type of user."""
    starts = list(buckets_of(first, last, granularity))
    registered = {one.user_id: one for one in mine(world, MemberRegistered)}

    def placed(on: date, channel: str, program: str, since: date) -> tuple[Any, ...]:
        start = max(one for one in starts if one <= on)
        return start, channel, program, "new" if since >= start else "returning"

    def within(on: date) -> bool:
        return first <= on <= last

    match metric:
        case Metric.USERS:
            return [
                placed(day(one.at), one.channel_type.value, one.programs[0] if one.programs else "none", day(one.at))
                for one in registered.values()
                if within(day(one.at))
            ]
        case Metric.INTERACTIONS:
            return [
                placed(one.day, one.channel_type, one.program, day(registered[one.user].at))
                for one in of_creator(world)
                if within(one.day)
            ]
        case Metric.PROGRAMS:
            members = [(one, registered[one.user_id]) for one in mine(world, Enrolled) if within(day(one.at))]
            return [
                placed(day(one.at), member.channel_type.value, one.program_id, day(member.at))
                for one, member in members
            ]
        case Metric.CHANNELS:
            made = {one.channel_id: day(one.at) for one in mine(world, ChannelCreated)}
            used = {
                (max(start for start in starts if start <= one.day), one.channel, one.channel_type)
                for one in of_creator(world)
                if within(one.day)
            }
            return [placed(start, channel_type, "none", made[channel]) for start, channel, channel_type in used]


PLACES = {Segment.CHANNEL: 1, Segment.PROGRAM: 2, Segment.USER_TYPE: 3}


def check_detailed(tables: Tables, world: World, metric: Metric, granularity: Granularity) -> None:
    last = world.now.date()
    first = last - timedelta(days=25)
    values = values_of(world, metric, first, last, granularity)
    for segment in (None, *Segment):
        found = tables.ask(detailed, CREATOR, metric, first, last, granularity, segment)
        place = 0 if segment is None else PLACES[segment]
        names = sorted({value[place] for value in values}) if segment else []
        assert found.buckets == [
            Bucket(
                start,
                sum(value[0] == start for value in values),
                {name: sum((value[0], value[place]) == (start, name) for value in values) for name in names},
            )
            for start in buckets_of(first, last, granularity)
        ]
        assert segment is None or all(sum(one.segments.values()) == one.value for one in found.buckets)
        assert (found.total_value, found.average_daily) == (len(values), round(len(values) / 26, 1))
        assert found.peak == max(found.buckets, key=lambda one: (one.value, -one.day.toordinal()))


def check_rules(tables: Tables, world: World) -> None:
    last = world.now.date()
    for first in (last - timedelta(days=5), ALWAYS):
        triggers = [one for one in mine(world, RuleTriggered) if day(one.at) >= first]
        successes = [one for one in mine(world, Succeeded) if day(one.triggered_at) >= first]
        found = tables.ask(rule_analytics, CREATOR, first, last)
        rules = [performance(rule, triggers, successes) for rule in mine(world, RuleCreated)]
        assert found.rules == sorted(rules, key=lambda rule: (-rule.triggers, rule.rule_id))
        assert (found.total_triggers, found.successful_engagements) == (len(triggers), len(successes))
        assert found.success_rate == share_of(len(successes), len(triggers))
        assert found.average_response_time_hours == mean_of([one.seconds / 3600 for one in successes])
    every = tables.ask(rule_analytics, CREATOR, ALWAYS, last)
    listed = {rule.rule_id: (rule.triggers, rule.successes) for rule in tables.ask(rules_of, CREATOR)}
    assert listed == {rule.rule_id: (rule.triggers, rule.successes) for rule in every.rules}


def performance(rule: RuleCreated, triggers: list[Any], successes: list[Any]) -> RulePerformance:
    done = [one for one in successes if one.rule_id == rule.rule_id]
    waited = sum(round(one.seconds * 1_000_000) for one in done)
    number = sum(one.rule_id == rule.rule_id for one in triggers)
    return RulePerformance(rule.rule_id, rule.rule_name, number, len(done), waited)


def check_programs(tables: Tables, world: World) -> None:
    for program in {one.program_id for one in mine(world, ProgramCreated)}:
        enrolled = [one for one in mine(world, Enrolled) if one.program_id == program]
        completed = [one for one in mine(world, Completed) if one.program_id == program]
        found = tables.ask(program_analytics, CREATOR, program)
        assert found is not None
        assert (found.total, found.completed, found.active) == (
            len(enrolled),
            len(completed),
            len(enrolled) - len(completed),
        )
        assert found.wrote == sum(wrote_since(world, one) for one in enrolled)
        took = [(one.at - one.enrolled_at) / timedelta(days=1) for one in completed]
        assert found.average_completion_time_days == mean_of(took)


def wrote_since(world: World, enrolled: Enrolled) -> bool:
    since = next(place for place, (_, event) in enumerate(world.history) if event is enrolled)
    later = (event for _, event in world.history[since:])
    return any(isinstance(event, MessageReceived) and event.user_id == enrolled.user_id for event in later)


def check_users(tables: Tables, world: World, gone: bool = False) -> None:
    counts = Counter(one.user for one in of_creator(world))
    page = tables.ask(users_page, CREATOR, world.now, limit=100)
    assert {one.user_id: one.interactions for one in page.rows} == {
        member.user_id: counts[member.user_id]
        for member in mine(world, MemberRegistered)
        if not (gone and member.user_id == ANA)
    }


def check(tables: Tables, world: World, gone: bool = False) -> None:
    check_users(tables, world, gone)
    check_channels(tables, world)
    check_overview(tables, world)
    check_rules(tables, world)
    check_programs(tables, world)

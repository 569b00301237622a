"""Figures: the dashboard, a metric over time, a channel, and the rules. Days are UTC."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from api.auth import Caller
from api.creator_hub.access import READ
from api.creator_hub.fields import Day, Id, not_there
from api.creator_hub.schemas import DateRangeAnswer, days_of
from api.fields import Form
from api.routing import LeanRoute
from api.surface import Read, may, surface_of
from domain.creator_hub.export import Metric
from projections.creator_hub.queries.channel_analytics import ChannelAnalytics, channel_analytics
from projections.creator_hub.queries.detailed import Bucket, Granularity, Segment, detailed
from projections.creator_hub.queries.overview import TopProgram, Trend, overview
from projections.creator_hub.queries.rule_analytics import RulePerformance, rule_analytics

router = APIRouter(route_class=LeanRoute, prefix="/api/v1", tags=["Analytics and Reporting API"])

Period = Literal["7d", "30d", "90d", "1y"]
DAYS: dict[Period, int] = {"7d": 7, "30d": 30, "90d": 90, "1y": 365}
GROUP = "messages|users|engagement"
Groups = Annotated[
    str,
    Field(max_length=100),
    Form(rf"^({GROUP})(,({GROUP}))*$", "must name messages, users or engagement, separated by commas"),
]
ALL_GROUPS = "messages,users,engagement"


class ChannelMetrics(BaseModel):
    """The figures of a channel, but for the groups that were not asked for."""

    total_messages: int | None = None
    unique_users: int | None = None
    new_users: int | None = None
    average_response_time_seconds: float | None = None
    user_satisfaction_score: float | None = None
    engagement_rate: float | None = None


class DayAnswer(BaseModel):
    date: date
    messages: int
    users: int
    new_users: int


class ChannelAnalyticsAnswer(BaseModel):
    channel_id: str
    date_range: DateRangeAnswer
    metrics: ChannelMetrics
    daily_breakdown: list[DayAnswer]


class SummaryAnswer(BaseModel):
    total_users: int
    new_users: int
    active_users: int
    total_interactions: int
    ai_interactions: int
    human_escalations: int
    average_engagement_score: float
    program_completions: int


class TrendsAnswer(BaseModel):
    user_growth_rate: float
    engagement_trend: Trend
    satisfaction_trend: Trend


class TopProgramAnswer(BaseModel):
    program_id: str
    program_name: str
    enrollments: int
    completion_rate: float


class OverviewAnswer(BaseModel):
    """The figures of the last days, today included; `1y` is 365 of them."""

    period: Period
    summary: SummaryAnswer
    trends: TrendsAnswer
    top_programs: list[TopProgramAnswer]


class BucketAnswer(BaseModel):
    date: date
    value: int
    segments: dict[str, int]


class TotalsAnswer(BaseModel):
    total_value: int
    average_daily: float
    peak_value: int
    peak_date: date


class DetailedAnswer(BaseModel):
    metric: Metric
    date_range: DateRangeAnswer
    granularity: Granularity
    data: list[BucketAnswer]
    totals: TotalsAnswer


class RuleTotals(BaseModel):
    total_triggers: int
    successful_engagements: int
    success_rate: float
    average_response_time_hours: float


class RulePerformanceAnswer(BaseModel):
    rule_id: str
    rule_name: str
    triggers: int
    successes: int
    success_rate: float


class RuleAnalyticsAnswer(BaseModel):
    date_range: DateRangeAnswer
    summary: RuleTotals
    rule_performance: list[RulePerformanceAnswer]


@router.get("/channels/{channel_id}/analytics", tags=["Channel Management API"], response_model_exclude_none=True)
async def of_channel(
    channel_id: Id,
    caller: Annotated[Caller, may(READ)],
    request: Request,
    reads: Read,
    start_date: Day | None = None,
    end_date: Day | None = None,
    metrics: Groups = ALL_GROUPS,
) -> ChannelAnalyticsAnswer:
    """Show the figures of a channel; `metrics` names the groups of them that are wanted."""
    days = days_of(start_date, end_date, surface_of(request).actions.clock.now())
    async with reads.connection() as connection:
        found = await channel_analytics(connection, caller.subject, str(channel_id), days.first, days.last)
    if found is None:
        raise not_there()
    return ChannelAnalyticsAnswer(
        channel_id=str(channel_id),
        date_range=days.answer,
        metrics=_metrics(found, frozenset(metrics.split(","))),
        daily_breakdown=[
            DayAnswer(date=one.day, messages=one.messages, users=one.users, new_users=one.new_users)
            for one in found.days
        ],
    )


def _metrics(found: ChannelAnalytics, groups: frozenset[str]) -> ChannelMetrics:
    by_group: dict[str, dict[str, float]] = {
        "messages": {
            "total_messages": found.total_messages,
            "average_response_time_seconds": found.average_response_time_seconds,
        },
        "users": {"unique_users": found.unique_users, "new_users": found.new_users},
        "engagement": {
            "user_satisfaction_score": found.user_satisfaction_score,
            "engagement_rate": found.engagement_rate,
        },
    }
    wanted = {name: value for group in groups for name, value in by_group[group].items()}
    return ChannelMetrics.model_validate(wanted)


@router.get("/analytics/overview")
async def dashboard(
    caller: Annotated[Caller, may(READ)], request: Request, reads: Read, period: Period = "30d"
) -> OverviewAnswer:
    """Show the dashboard of the last days."""
    now = surface_of(request).actions.clock.now()
    async with reads.connection() as connection:
        found = await overview(connection, caller.subject, now, DAYS[period])
    return OverviewAnswer(
        period=period,
        summary=SummaryAnswer(**{name: getattr(found, name) for name in SummaryAnswer.model_fields}),
        trends=TrendsAnswer(**{name: getattr(found, name) for name in TrendsAnswer.model_fields}),
        top_programs=[_top(one) for one in found.top_programs],
    )


def _top(program: TopProgram) -> TopProgramAnswer:
    return TopProgramAnswer(
        program_id=program.program_id,
        program_name=program.program_name,
        enrollments=program.enrollments,
        completion_rate=program.completion_rate,
    )


@router.get("/analytics/detailed")
async def over_time(
    metric: Metric,
    caller: Annotated[Caller, may(READ)],
    request: Request,
    reads: Read,
    start_date: Day | None = None,
    end_date: Day | None = None,
    granularity: Granularity = Granularity.DAY,
    segment: Segment | None = None,
) -> DetailedAnswer:
    """Show a metric over time, in segments that add up to it if one is named."""
    days = days_of(start_date, end_date, surface_of(request).actions.clock.now())
    async with reads.connection() as connection:
        found = await detailed(connection, caller.subject, metric, days.first, days.last, granularity, segment)
    totals = TotalsAnswer(
        total_value=found.total_value,
        average_daily=found.average_daily,
        peak_value=found.peak.value,
        peak_date=found.peak.day,
    )
    data = [_bucket(one) for one in found.buckets]
    return DetailedAnswer(metric=metric, date_range=days.answer, granularity=granularity, data=data, totals=totals)


def _bucket(bucket: Bucket) -> BucketAnswer:
    return BucketAnswer(date=bucket.day, value=bucket.value, segments=bucket.segments)


@router.get("/proactive-engine/analytics", tags=["Proactive Engine API"])
async def of_rules(
    caller: Annotated[Caller, may(READ)],
    request: Request,
    reads: Read,
    start_date: Day | None = None,
    end_date: Day | None = None,
) -> RuleAnalyticsAnswer:
    """Show what the rules achieved, by the day of the trigger; the rule with most triggers comes first."""
    days = days_of(start_date, end_date, surface_of(request).actions.clock.now())
    async with reads.connection() as connection:
        found = await rule_analytics(connection, caller.subject, days.first, days.last)
    summary = RuleTotals(
        total_triggers=found.total_triggers,
        successful_engagements=found.successful_engagements,
        success_rate=found.success_rate,
        average_response_time_hours=found.average_response_time_hours,
    )
    rules = [_performance(one) for one in found.rules]
    return RuleAnalyticsAnswer(date_range=days.answer, summary=summary, rule_performance=rules)


def _performance(rule: RulePerformance) -> RulePerformanceAnswer:
    return RulePerformanceAnswer(
        rule_id=rule.rule_id,
        rule_name=rule.rule_name,
        triggers=rule.triggers,
        successes=rule.successes,
        success_rate=rule.success_rate,
    )

"""Endpoints of analytics and reports. The formulas of their figures stand with the queries."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Caller
from api.communication.dependencies import Own
from api.communication.fields import Day, UserIdText
from api.communication.schemas import (
    AlertShown,
    ChannelCounts,
    CostAnalysis,
    CostAnswer,
    CostMetrics,
    DailyTrends,
    Dashboard,
    DashboardAnswer,
    EffectivenessAnswer,
    EmailEffectiveness,
    EngagementAnswer,
    EngagementMetrics,
    Overview,
    Performance,
    PerformanceAnswer,
    Rates,
    RecentCommunication,
    Roi,
    SmsEffectiveness,
    Summary,
    SummaryAnswer,
    TrendPoint,
    Trends,
    TrendsAnswer,
)
from api.errors import ApiError
from api.fields import DIGITS
from api.routing import LeanRoute
from api.surface import Act, Read, may
from domain.communication.kinds import Channel
from domain.money import dollars
from projections.communication.queries.advice import alerts, budget_percent, recommendations
from projections.communication.queries.analytics import (
    Granularity,
    Metric,
    Totals,
    column,
    last_days,
    overall,
    rate,
    series,
    totals_by_channel,
    trend_of,
)
from projections.communication.queries.engagement import engagement_of
from projections.communication.queries.expenditure import usage_on
from streams.postgres.reads import Reads

analytics = APIRouter(route_class=LeanRoute, prefix="/api/communication/analytics", tags=["Analytics"])
reports = APIRouter(route_class=LeanRoute, prefix="/api/communication/reports", tags=["Reports"])

READ = may("analytics:read", limit="analytics_queries")
DASHBOARD_DAYS = 30
LONGEST_TREND = 730


StartDate = Annotated[Day | None, Query(description="First day, UTC, inclusive")]
EndDate = Annotated[Day | None, Query(description="Last day, UTC, inclusive")]


def _ordered(start: date | None, end: date | None) -> None:
    if start is not None and end is not None and start > end:
        raise ApiError(400, "Invalid end_date: it is before start_date", kind="InvalidInput")


async def _totals(reads: Reads, start: date | None = None, end: date | None = None) -> dict[Channel, Totals]:
    async with reads.connection() as connection:
        return await totals_by_channel(connection, start, end)


@analytics.get("/summary")
async def analytics_summary(
    caller: Annotated[Caller, READ], reads: Read, start_date: StartDate = None, end_date: EndDate = None
) -> SummaryAnswer:
    """Counters and rates over all recipients."""
    _ordered(start_date, end_date)
    by_channel = await _totals(reads, start_date, end_date)
    total, sms, email = overall(by_channel), by_channel[Channel.SMS], by_channel[Channel.EMAIL]
    return SummaryAnswer(
        summary=Summary(
            total_sent=total.sent,
            total_delivered=total.delivered,
            total_opened=total.opened,
            total_clicked=total.clicked,
            total_actions=total.acted,
            delivery_rate=total.delivery_rate,
            open_rate=total.open_rate,
            click_rate=total.click_rate,
            action_rate=total.action_rate,
            sms_sent=sms.sent,
            email_sent=email.sent,
            sms_delivery_rate=sms.delivery_rate,
            email_delivery_rate=email.delivery_rate,
        )
    )


@analytics.get("/user/{user_id}")
async def user_engagement(user_id: UserIdText, caller: Annotated[Caller, READ], reads: Read) -> EngagementAnswer:
    """How one user takes what they are sent, and their latest communications."""
    async with reads.connection() as connection:
        found = await engagement_of(connection, user_id)
    recent = [
        RecentCommunication(**{name: value for name, value in one._asdict().items() if name != "message_id"})
        for one in found.recent
    ]
    metrics = EngagementMetrics(
        total_communications=found.total,
        delivery_rate=found.delivery_rate,
        open_rate=found.open_rate,
        click_rate=found.click_rate,
        action_rate=found.action_rate,
        recent_communications=recent,
    )
    return EngagementAnswer(user_id=user_id, engagement_metrics=metrics)


@analytics.get("/channel-effectiveness")
async def channel_effectiveness(
    caller: Annotated[Caller, READ], reads: Read, start_date: StartDate = None, end_date: EndDate = None
) -> EffectivenessAnswer:
    """The channels side by side, and what that suggests."""
    _ordered(start_date, end_date)
    by_channel = await _totals(reads, start_date, end_date)
    sms, email = by_channel[Channel.SMS], by_channel[Channel.EMAIL]
    return EffectivenessAnswer(
        sms=SmsEffectiveness(**_effectiveness(sms)),
        email=EmailEffectiveness(open_rate=email.open_rate, click_rate=email.click_rate, **_effectiveness(email)),
        recommendations=recommendations(sms, email),
    )


def _effectiveness(totals: Totals) -> dict[str, Any]:
    return {
        "total_sent": totals.sent,
        "delivery_rate": totals.delivery_rate,
        "engagement_rate": totals.action_rate,
        "cost_per_message": totals.cost_per_message,
        "total_cost": dollars(totals.cost),
    }


@analytics.get("/cost-tracking")
async def cost_tracking(
    caller: Annotated[Caller, READ],
    reads: Read,
    act: Act,
    own: Own,
    start_date: StartDate = None,
    end_date: EndDate = None,
) -> CostAnswer:
    """What was spent, what of the budgets is used (in percent), and what calls for attention."""
    _ordered(start_date, end_date)
    async with reads.connection() as connection:
        by_channel = await totals_by_channel(connection, start_date, end_date)
        usage = await usage_on(connection, act.at.date())
    total, limits = overall(by_channel), own.limits
    analysis = CostAnalysis(
        total_cost=dollars(total.cost),
        sms_cost=dollars(by_channel[Channel.SMS].cost),
        email_cost=dollars(by_channel[Channel.EMAIL].cost),
        daily_budget=dollars(limits.daily),
        monthly_budget=dollars(limits.monthly),
        daily_budget_usage=budget_percent(usage.daily, limits.daily),
        monthly_budget_usage=budget_percent(usage.monthly, limits.monthly),
        cost_per_message=total.cost_per_message,
        roi_analysis=Roi(
            total_communications=total.sent,
            total_engagements=total.acted,
            engagement_rate=total.engagement_rate,
            cost_per_engagement=total.cost_per_engagement,
        ),
    )
    shown = [AlertShown(**alert._asdict()) for alert in alerts(usage, limits, total)]
    return CostAnswer(cost_analysis=analysis, alerts=shown)


@reports.get("/dashboard")
async def dashboard_report(caller: Annotated[Caller, READ], reads: Read, act: Act) -> DashboardAnswer:
    """Everything at a glance: over all time, and day by day over the last 30 days (UTC)."""
    start, end = last_days(act.at.date(), DASHBOARD_DAYS)
    async with reads.connection() as connection:
        by_channel = await totals_by_channel(connection, None, None)
        days = await series(connection, start, end)
    total = overall(by_channel)
    return DashboardAnswer(
        dashboard=Dashboard(
            overview=Overview(
                total_communications=total.sent,
                delivery_rate=total.delivery_rate,
                engagement_rate=total.engagement_rate,
                total_cost=dollars(total.cost),
            ),
            trends=DailyTrends(
                daily_sent=column(days, "sent"),
                daily_delivered=column(days, "delivered"),
                daily_engaged=column(days, "acted"),
            ),
            channel_performance={
                channel.value: ChannelCounts(sent=one.sent, delivered=one.delivered, engaged=one.acted)
                for channel, one in by_channel.items()
            },
        )
    )


@reports.get("/performance")
async def performance_report(
    caller: Annotated[Caller, READ],
    reads: Read,
    start_date: StartDate = None,
    end_date: EndDate = None,
    channel: Channel | None = None,
) -> PerformanceAnswer:
    """Rates and costs. With `channel`, the overall figures are that channel's, and the other channel's are 0."""
    _ordered(start_date, end_date)
    every = await _totals(reads, start_date, end_date)
    by_channel = {one: totals if channel in (None, one) else Totals() for one, totals in every.items()}
    total, sms, email = overall(by_channel), by_channel[Channel.SMS], by_channel[Channel.EMAIL]
    return PerformanceAnswer(
        performance=Performance(
            delivery_rates=Rates(overall=total.delivery_rate, sms=sms.delivery_rate, email=email.delivery_rate),
            engagement_rates=Rates(overall=total.engagement_rate, sms=sms.action_rate, email=email.action_rate),
            cost_metrics=CostMetrics(
                total_cost=dollars(total.cost),
                cost_per_message=rate(dollars(total.cost), total.sent),
                cost_per_engagement=total.cost_per_engagement,
            ),
        )
    )


@reports.get("/trends")
async def trends_report(
    caller: Annotated[Caller, READ],
    reads: Read,
    act: Act,
    metric: Metric = "delivery_rate",
    period: Granularity = "daily",
    days: Annotated[int, Field(ge=1, le=LONGEST_TREND), DIGITS] = 30,
) -> TrendsAnswer:
    """A metric over the last `days` days, by day, week or month, without gaps."""
    start, end = last_days(act.at.date(), days)
    async with reads.connection() as connection:
        found = trend_of(metric, await series(connection, start, end, period))
    data = [TrendPoint(date=day, value=value) for day, value in found.points]
    return TrendsAnswer(
        trends=Trends(
            metric=metric, period=period, data=data, trend=found.trend, change_percentage=found.change_percentage
        )
    )

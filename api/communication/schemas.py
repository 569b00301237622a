"""The schemas of analytics and reports: rates are fractions, costs dollars, usage percent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from projections.communication.queries.analytics import Granularity, Metric


class Summary(BaseModel):
    total_sent: int
    total_delivered: int
    total_opened: int
    total_clicked: int
    total_actions: int
    delivery_rate: float
    open_rate: float
    click_rate: float
    action_rate: float
    sms_sent: int
    email_sent: int
    sms_delivery_rate: float
    email_delivery_rate: float


class SummaryAnswer(BaseModel):
    success: bool = True
    summary: Summary


class RecentCommunication(BaseModel):
    id: int
    message_type: str
    channel: str
    status: str
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    action_taken: str | None


class EngagementMetrics(BaseModel):
    total_communications: int
    delivery_rate: float
    open_rate: float
    click_rate: float
    action_rate: float
    recent_communications: list[RecentCommunication]


class EngagementAnswer(BaseModel):
    success: bool = True
    user_id: int
    engagement_metrics: EngagementMetrics


class SmsEffectiveness(BaseModel):
    channel: Literal["sms"] = "sms"
    total_sent: int
    delivery_rate: float
    cost_per_message: float
    total_cost: float
    engagement_rate: float


class EmailEffectiveness(BaseModel):
    channel: Literal["email"] = "email"
    total_sent: int
    delivery_rate: float
    open_rate: float
    click_rate: float
    cost_per_message: float
    total_cost: float
    engagement_rate: float


class EffectivenessAnswer(BaseModel):
    success: bool = True
    sms: SmsEffectiveness
    email: EmailEffectiveness
    recommendations: list[str]


class Roi(BaseModel):
    total_communications: int
    total_engagements: int
    engagement_rate: float
    cost_per_engagement: float


class CostAnalysis(BaseModel):
    total_cost: float
    sms_cost: float
    email_cost: float
    daily_budget: float
    monthly_budget: float
    daily_budget_usage: float
    monthly_budget_usage: float
    cost_per_message: float
    roi_analysis: Roi


class AlertShown(BaseModel):
    type: str
    level: str
    message: str


class CostAnswer(BaseModel):
    success: bool = True
    cost_analysis: CostAnalysis
    alerts: list[AlertShown]


class Overview(BaseModel):
    total_communications: int
    delivery_rate: float
    engagement_rate: float
    total_cost: float


class DailyTrends(BaseModel):
    daily_sent: list[int]
    daily_delivered: list[int]
    daily_engaged: list[int]


class ChannelCounts(BaseModel):
    sent: int
    delivered: int
    engaged: int


class Dashboard(BaseModel):
    overview: Overview
    trends: DailyTrends
    channel_performance: dict[str, ChannelCounts]


class DashboardAnswer(BaseModel):
    success: bool = True
    dashboard: Dashboard


class Rates(BaseModel):
    overall: float
    sms: float
    email: float


class CostMetrics(BaseModel):
    total_cost: float
    cost_per_message: float
    cost_per_engagement: float


class Performance(BaseModel):
    delivery_rates: Rates
    engagement_rates: Rates
    cost_metrics: CostMetrics


class PerformanceAnswer(BaseModel):
    success: bool = True
    performance: Performance


class TrendPoint(BaseModel):
    date: date
    value: float


class Trends(BaseModel):
    metric: Metric
    period: Granularity
    data: list[TrendPoint]
    trend: Literal["increasing", "decreasing", "stable"]
    change_percentage: float


class TrendsAnswer(BaseModel):
    success: bool = True
    trends: Trends

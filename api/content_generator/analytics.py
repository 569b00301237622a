"""Figures of campaigns and recipients, from the CRM's reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from api.auth import Caller
from api.content_generator.access import READ
from api.content_generator.dependencies import Own
from api.content_generator.fields import Shown
from api.errors import ApiError
from api.routing import LeanRoute
from api.surface import Read, may
from commands.content_generator.reports import RequestReports
from domain.content_generator.recipient import RecipientStatus
from projections.content_generator.queries.campaign_analytics import campaign_analytics
from projections.content_generator.queries.recipient_analytics import recipient_analytics

router = APIRouter(route_class=LeanRoute, prefix="/api/v2/analytics", tags=["Email Analytics"])

REPORTS_AGE_SECONDS = 10.0
"""A look at older figures asks the CRM for new reports, without waiting for them."""


class LinkAnswer(BaseModel):
    url: str
    clicks: int


class CampaignAnswer(BaseModel):
    """Figures as of `observed_at`. Rates are percent of what was delivered; opens by machines are counted apart."""

    campaign_id: str
    total_sent: int
    total_delivered: int
    total_opened: int
    unique_opens: int
    machine_opens: int
    total_clicked: int
    unique_clicks: int
    open_rate: float
    click_rate: float
    unsubscribe_rate: float
    popular_links: list[LinkAnswer]
    observed_at: Shown | None


class RecipientAnswer(BaseModel):
    """What somebody did with the campaigns received; each campaign counts once."""

    email: str
    campaigns_received: int
    campaigns_opened: int
    campaigns_clicked: int
    engagement_score: float
    status: RecipientStatus
    last_open: Shown | None
    last_click: Shown | None
    observed_at: Shown | None


@router.get("/campaigns/{campaign_id}")
async def campaign(campaign_id: str, caller: Annotated[Caller, may(READ)], reads: Read, own: Own) -> CampaignAnswer:
    """What became of a campaign, whose id is that of its e-mail job."""
    async with reads.connection() as connection:
        found = await campaign_analytics(connection, caller.tenant, campaign_id)
    if found is None:
        raise ApiError(404, "There is no such campaign", kind="NotFound")
    now = own.engine.clock.now()
    if found.observed_at is None or (now - found.observed_at).total_seconds() > REPORTS_AGE_SECONDS:
        await own.ask(RequestReports(at=now, campaign_id=campaign_id))
    return CampaignAnswer(
        campaign_id=campaign_id,
        total_sent=found.sent,
        total_delivered=found.delivered,
        total_opened=found.opens,
        unique_opens=found.openers,
        machine_opens=found.machine_opens,
        total_clicked=found.clicks,
        unique_clicks=found.clickers,
        open_rate=found.open_rate,
        click_rate=found.click_rate,
        unsubscribe_rate=found.unsubscribe_rate,
        popular_links=[LinkAnswer(url=link.url, clicks=link.clicks) for link in found.links],
        observed_at=found.observed_at,
    )


@router.get("/recipients/{email}")
async def recipient(email: str, caller: Annotated[Caller, may(READ)], reads: Read, own: Own) -> RecipientAnswer:
    """What a recipient did with the campaigns received."""
    async with reads.connection() as connection:
        found = await recipient_analytics(connection, own.recipient(caller.tenant, email))
    if found is None:
        raise ApiError(404, "There is no such recipient", kind="NotFound")
    return RecipientAnswer(
        email=email,
        campaigns_received=found.received,
        campaigns_opened=found.opened,
        campaigns_clicked=found.clicked,
        engagement_score=found.engagement_score,
        status=found.status,
        last_open=found.last_open,
        last_click=found.last_click,
        observed_at=found.observed_at,
    )

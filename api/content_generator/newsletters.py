"""Newsletters: one e-mail with its own content to an audience of the CRM."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import Caller
from api.content_generator.access import WRITE
from api.content_generator.cleaned_html import cleaned
from api.content_generator.dependencies import Own
from api.content_generator.fields import Body, Flag, Html, Line, Shown, Tag, Text, Time
from api.routing import LeanRoute
from api.submission import submit_and_wait
from api.surface import Act, may
from commands.content_generator.campaign import RequestCampaign
from content.content_generator.html_text import text_of_html
from content.content_generator.sanitizer import clean_mail
from domain.content_generator.campaign import CampaignPhase
from domain.content_generator.kinds import campaign_id
from projections.content_generator.campaigns import CampaignRow, campaign_by_id
from streams.core.read_models import Row

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/newsletter", tags=["Version 1 API"])

PATIENCE_SECONDS = 10.0
"""Seconds that a request waits for the number of recipients."""


class FilterBody(Body):
    """A segment of the CRM, and tags that a recipient must all have. Without either it is everybody active."""

    segment: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


class NewsletterBody(Body):
    """A newsletter. A time that has passed is now; the text is made from the HTML where none is given."""

    subject: Line
    html_content: Html
    text_content: Annotated[Text, Field(max_length=200_000)] | None = None
    recipient_filter: FilterBody = Field(default_factory=FilterBody)
    test_mode: Flag = False
    schedule_time: Time | None = None


class NewsletterAnswer(BaseModel):
    """The newsletter as accepted. `recipients` are those that the filter matches now; null while not known."""

    status: str = "success"
    job_id: str
    recipients: int | None
    scheduled: bool
    scheduled_time: Shown | None


@router.post("/send", response_model=NewsletterAnswer)
async def send(
    body: NewsletterBody, caller: Annotated[Caller, may(WRITE)], act: Act, own: Own
) -> NewsletterAnswer | Response:
    """Send a newsletter, now or at `schedule_time`. In test mode it goes to test recipients, or nowhere."""
    id_ = campaign_id(act.new_id("newsletter").hex)
    html = await cleaned("html_content", clean_mail, body.html_content, body.subject)
    command = RequestCampaign(
        at=act.at,
        campaign_id=id_,
        tenant=caller.tenant,
        subject_line=body.subject,
        html=html,
        text=body.text_content or await cleaned("html_content", text_of_html, html),
        segment=body.recipient_filter.segment,
        tags=body.recipient_filter.tags,
        test_mode=body.test_mode,
        due_at=body.schedule_time,
    )

    async def look(connection: AsyncConnection[Row]) -> CampaignRow | None:
        row = await campaign_by_id(connection, caller.tenant, id_)
        return None if row is None or row.phase is CampaignPhase.COUNTING else row

    row = await submit_and_wait(act, command, own.streams, f"campaign/{id_}", look, PATIENCE_SECONDS)
    answer = NewsletterAnswer(
        job_id=id_,
        recipients=None if row is None else row.counted,
        scheduled=body.schedule_time is not None,
        scheduled_time=body.schedule_time,
    )
    return answer if row is not None else act.accepted(answer)

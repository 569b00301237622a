"""Pages on the platform: publication, drafts, and the platform's figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import Caller
from api.content_generator.access import READ, WRITE
from api.content_generator.cleaned_html import cleaned
from api.content_generator.dependencies import Own
from api.content_generator.fields import Body, Html, Line, Shown, Tags, Text, Time, whole
from api.errors import ApiError, FieldError, invalid
from api.routing import LeanRoute
from api.submission import submit_and_wait
from api.surface import Act, Read, may
from commands.content_generator.publication import PublishDraft, RequestMetrics, RequestPublication, WantedStatus
from content.content_generator.sanitizer import clean_page
from domain.content_generator.publication import Page, PageCategory, PageMetadata, PublicationPhase
from domain.messages import Command
from projections.content_generator.publications import PublicationRow, publication_by_id
from streams.core.read_models import Row

router = APIRouter(route_class=LeanRoute, prefix="/api/v2/platform", tags=["Platform Integration"])

PATIENCE_SECONDS = 10.0
METRICS_AGE_SECONDS = 10.0
"""A look at older figures asks the platform for new ones, without waiting for them."""

SHOWN = {
    PublicationPhase.DRAFT: "draft",
    PublicationPhase.SCHEDULED: "scheduled",
    PublicationPhase.PUBLISHING: "scheduled",
    PublicationPhase.PUBLISHED: "published",
}


class SeoBody(Body):
    meta_description: Text = ""
    keywords: Tags = ()
    og_title: Text = ""
    og_image: Annotated[str, Field(max_length=2_000)] | None = None


class PublishBody(Body):
    """A page. `scheduled_time` counts with the status `scheduled` only; a time that has passed is now."""

    title: Line
    content: Html
    category: PageCategory = PageCategory.UPDATES
    tags: Tags = ()
    author: Line | None = None
    seo_metadata: SeoBody = Field(default_factory=SeoBody)
    status: WantedStatus = WantedStatus.PUBLISHED
    scheduled_time: Time | None = None


class PublishAnswer(BaseModel):
    content_id: str
    status: str
    url: str
    version: int = 1
    published_at: Shown | None


class PageMetricsAnswer(BaseModel):
    """The platform's figures, as of `observed_at`; zeros that nobody has reported have none."""

    content_id: str
    views: int
    unique_views: int
    engagement_rate: float
    average_time_seconds: int
    shares: int
    comments: int
    observed_at: Shown | None


@router.post("/publish", response_model=PublishAnswer)
async def publish(
    body: PublishBody, caller: Annotated[Caller, may(WRITE)], act: Act, own: Own
) -> PublishAnswer | Response:
    """Publish a page, keep it as a draft, or schedule it."""
    if body.status is WantedStatus.SCHEDULED and body.scheduled_time is None:
        raise invalid([FieldError("scheduled_time", "is needed with the status scheduled", missing=False)])
    content_id = f"content-{act.new_id('content').hex}"
    page = Page(
        title=body.title,
        content=await cleaned("content", clean_page, body.content),
        category=body.category,
        tags=body.tags,
        author=body.author,
        seo_metadata=PageMetadata.model_validate(body.seo_metadata.model_dump()),
    )
    command = RequestPublication(
        at=act.at,
        content_id=content_id,
        tenant=caller.tenant,
        status=body.status,
        page=page,
        due_at=body.scheduled_time,
    )
    return await _published(act, own, caller, command, content_id)


@router.post("/content/{content_id}/publish", response_model=PublishAnswer)
async def publish_draft(
    content_id: str, caller: Annotated[Caller, may(WRITE)], act: Act, own: Own
) -> PublishAnswer | Response:
    """Publish a draft, or a scheduled page before its time."""
    command = PublishDraft(at=act.at, content_id=content_id, tenant=caller.tenant)
    return await _published(act, own, caller, command, content_id)


async def _published(act: Act, own: Own, caller: Caller, command: Command, content_id: str) -> PublishAnswer | Response:
    """The page once the platform has answered; raises ApiError 502 for a page that it refuses."""

    async def look(connection: AsyncConnection[Row]) -> PublicationRow | None:
        row = await publication_by_id(connection, caller.tenant, content_id)
        return None if row is None or row.phase is PublicationPhase.PUBLISHING else row

    row = await submit_and_wait(act, command, own.streams, f"publication/{content_id}", look, PATIENCE_SECONDS)
    if row is None:
        return act.accepted(_answer(content_id, "scheduled", None))
    if row.phase not in SHOWN:
        raise ApiError(502, f"The platform did not publish the page: {row.reason}", kind="Publishing")
    return _answer(content_id, SHOWN[row.phase], row)


def _answer(content_id: str, status: str, row: PublicationRow | None) -> PublishAnswer:
    """Until the platform has given an address, it is the category and the id."""
    category = PageCategory.UPDATES if row is None or row.category is None else row.category
    return PublishAnswer(
        content_id=content_id,
        status=status,
        url=(row.url if row is not None else None) or f"/{category}/{content_id}",
        version=(row.page_version if row is not None else None) or 1,
        published_at=None if row is None else row.published_at,
    )


@router.get("/content/{content_id}/metrics")
async def metrics(content_id: str, caller: Annotated[Caller, may(READ)], reads: Read, own: Own) -> PageMetricsAnswer:
    """What the platform counts of a page. Old figures are asked for anew, and shown at the next look."""
    async with reads.connection() as connection:
        row = await publication_by_id(connection, caller.tenant, content_id)
    if row is None:
        raise ApiError(404, "There is no such content", kind="NotFound")
    now = own.engine.clock.now()
    seen_at = row.observed_at or row.published_at
    if seen_at is not None and (now - seen_at).total_seconds() > METRICS_AGE_SECONDS:
        await own.ask(RequestMetrics(at=now, content_id=content_id, max_age=METRICS_AGE_SECONDS))
    figures = row.metrics.model_dump() | {"average_time_seconds": whole(row.metrics.average_time_seconds)}
    return PageMetricsAnswer(content_id=content_id, observed_at=row.observed_at, **figures)

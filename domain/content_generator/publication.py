"""A page on the platform: drafted, scheduled or published at once, and what the platform counts of it."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Instant


class PageCategory(StrEnum):
    UPDATES = "updates"
    BLOG = "blog"
    NEWS = "news"


class PageMetadata(BaseModel):
    """What search engines and previews are told; empty texts are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meta_description: str = ""
    keywords: tuple[str, ...] = ()
    og_title: str = ""
    og_image: str | None = None


class Page(BaseModel):
    """The content of a page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    content: str
    category: PageCategory
    tags: tuple[str, ...]
    author: str | None
    seo_metadata: PageMetadata


class OfPublication(Event):
    content_id: str
    tenant: str


class PublicationDrafted(OfPublication, name="content_generator.publication.drafted.v1"):
    page: Page


class PublicationScheduled(OfPublication, name="content_generator.publication.scheduled.v1"):
    page: Page
    due_at: Instant


class PublicationRequested(OfPublication, name="content_generator.publication.requested.v1"):
    """The page is to go out. Without a `page` it is pinned: under `root` by its job, else by an earlier event."""

    root: str | None
    run: int
    attempt: int
    page: Page | None
    test_mode: bool


class PublicationPublished(OfPublication, name="content_generator.publication.published.v1"):
    """The platform took the page. `provider_id` is the platform's id for it.

    `again`: another run hears of a page that was published before.
    """

    root: str | None
    run: int
    provider_id: str
    url: str
    page_version: int
    published_at: Instant
    again: bool = False


class PublicationFailed(OfPublication, name="content_generator.publication.failed.v1"):
    root: str | None
    run: int
    code: str
    reason: str
    attempts: int


class PublicationUnconfirmed(OfPublication, name="content_generator.publication.unconfirmed.v1"):
    root: str | None
    run: int
    reason: str
    attempts: int


class MetricsRequested(OfPublication, name="content_generator.publication.metrics_requested.v1"):
    """The platform's figures are read. `look` counts the timed looks; None for one by request."""

    provider_id: str
    look: int | None


class Metrics(BaseModel):
    """The figures of a page, as the platform counts them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    views: int = 0
    unique_views: int = 0
    engagement_rate: float = 0.0
    average_time_seconds: float = 0.0
    shares: int = 0
    comments: int = 0


class MetricsObserved(OfPublication, name="content_generator.publication.metrics_observed.v1"):
    metrics: Metrics


PublicationEvent = (
    PublicationDrafted
    | PublicationScheduled
    | PublicationRequested
    | PublicationPublished
    | PublicationFailed
    | PublicationUnconfirmed
    | MetricsRequested
    | MetricsObserved
)


class PublicationPhase(StrEnum):
    ABSENT = "absent"
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Publication(BaseModel):
    """The state of a page. It holds no content."""

    model_config = ConfigDict(frozen=True)

    phase: PublicationPhase = PublicationPhase.ABSENT
    tenant: str = ""
    category: PageCategory = PageCategory.UPDATES
    root: str | None = None
    run: int = 0
    attempts: int = 0
    test_mode: bool = False
    published: PublicationPublished | None = None
    metrics: Metrics | None = None
    observed_at: Instant | None = None
    looked_at: Instant | None = None


def evolve(publication: Publication, event: PublicationEvent) -> Publication:
    match event:
        case PublicationDrafted() | PublicationScheduled():
            draft = isinstance(event, PublicationDrafted)
            phase = PublicationPhase.DRAFT if draft else PublicationPhase.SCHEDULED
            return Publication(phase=phase, tenant=event.tenant, category=event.page.category)
        case PublicationRequested():
            return _requested(publication, event)
        case PublicationPublished():
            update = {"phase": PublicationPhase.PUBLISHED, "published": event, "run": event.run}
            return publication.model_copy(update=update)
        case PublicationFailed():
            return publication.model_copy(update={"phase": PublicationPhase.FAILED})
        case PublicationUnconfirmed():
            return publication.model_copy(update={"phase": PublicationPhase.UNCONFIRMED})
        case MetricsRequested():
            return publication.model_copy(update={"looked_at": event.at})
        case MetricsObserved():
            return publication.model_copy(update={"metrics": event.metrics, "observed_at": event.at})
        case _:
            assert_never(event)


def _requested(publication: Publication, event: PublicationRequested) -> Publication:
    going = {"phase": PublicationPhase.PUBLISHING, "tenant": event.tenant, "attempts": event.attempt}
    about = {"root": event.root, "run": event.run, "test_mode": event.test_mode}
    category = {} if event.page is None else {"category": event.page.category}
    return publication.model_copy(update=going | about | category)

"""The port of the publishing platform, the website on which pages are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from streams.core.calls import Deferred, Rejected, Verdict


@dataclass(frozen=True, slots=True)
class Page:
    """A page to publish, complete. `content` is its HTML, `seo_metadata` plain JSON."""

    content_id: str
    title: str
    slug: str
    content: str
    category: str
    tags: tuple[str, ...] = ()
    author: str | None = None
    seo_metadata: Mapping[str, object] = field(default_factory=dict)
    status: str = "published"


@dataclass(frozen=True, slots=True)
class PageMetrics:
    """What the platform counts of a page; None where it does not say. `engagement_rate` is a percentage."""

    views: int | None = None
    unique_views: int | None = None
    engagement_rate: float | None = None
    average_time_seconds: float | None = None
    shares: int | None = None
    comments: int | None = None


class Platform(Protocol):
    """Client of the platform. Never raises for an error of the platform or the network."""

    provider: str

    async def publish(self, page: Page, key: str) -> Verdict:
        """Publish a page, once per key.

        The accepted verdict's provider id is the platform's id of the page; its `output` has `url`, `status`,
        `version` and `published_at` (ISO 8601, UTC), each None where the platform does not say.
        """

    async def metrics(self, provider_id: str) -> PageMetrics | Deferred | Rejected:
        """The metrics of a published page, by the platform's id."""

    async def healthy(self) -> bool:
        """Whether the platform answers."""

    async def close(self) -> None: ...

"""The publication of pages on the platform, and its figures of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from psycopg import AsyncConnection

from commands.content_generator.effects import Publish, ReadMetrics
from connectors.platform import Page, PageMetrics, Platform
from domain.content_generator.composed import Composed
from effects.lookup import BEHIND, read
from projections.content_generator.contents import Owner, PinnedContent, pinned_content
from streams.core.calls import Accepted, Deferred, Verdict
from streams.core.read_models import Row
from streams.postgres.reads import Reads


class PagePublication:
    """Publishes a pinned page; in test mode by `tests`."""

    idempotent = True

    def __init__(self, dsn: str, platform: Platform, tests: Platform) -> None:
        self._reads = Reads(dsn, size=2)
        self._platform = platform
        self._tests = tests
        self.provider = platform.provider

    async def __call__(self, effect: Publish, key: str) -> Verdict:
        async def query(connection: AsyncConnection[Row]) -> PinnedContent | None:
            owner, id_ = (Owner.PUBLICATION, effect.content_id) if effect.root is None else (Owner.JOB, effect.root)
            return await pinned_content(connection, owner, id_)

        found = await read(self._reads, query)
        if isinstance(found, Deferred):
            return found
        page = None if found is None else _page(effect, found.content)
        if page is None:
            return BEHIND
        platform = self._tests if effect.test_mode else self._platform
        return await platform.publish(page, effect.content_id)

    async def close(self) -> None:
        await self._reads.close()
        await self._platform.close()
        await self._tests.close()


def _page(effect: Publish, content: dict[str, Any]) -> Page | None:
    """The page as the platform takes it; a job's has the category `updates`."""
    if effect.root is None:
        seo = {name: value for name, value in content["seo_metadata"].items() if value not in ("", [], None)}
        return Page(
            content_id=effect.content_id,
            title=content["title"],
            slug=effect.content_id,
            content=content["content"],
            category=content["category"],
            tags=tuple(content["tags"]),
            author=content["author"],
            seo_metadata=seo,
        )
    web = Composed.model_validate(content).web
    if web is None:
        return None
    return Page(
        content_id=effect.content_id,
        title=web.title,
        slug=effect.content_id,
        content=web.html,
        category="updates",
        tags=web.tags,
        seo_metadata={} if web.seo_metadata is None else web.seo_metadata.public(),
    )


class MetricsReading:
    """Reads the platform's figures of a page; what it does not tell counts as none."""

    idempotent = True

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.provider = platform.provider

    async def __call__(self, effect: ReadMetrics, key: str) -> Verdict:
        found = await self._platform.metrics(effect.provider_id)
        if not isinstance(found, PageMetrics):
            return found
        return Accepted(effect.content_id, {name: value or 0 for name, value in asdict(found).items()})

    async def close(self) -> None:
        await self._platform.close()

"""The platform over HTTP. It remembers idempotency keys, so an attempt without an answer is repeated."""

from __future__ import annotations

from urllib.parse import quote

import httpx2

from connectors.http_client import BAD_ANSWER, Body, fields_in_answer
from connectors.keyed_api import client_of, is_healthy, write
from connectors.platform import Page, PageMetrics
from connectors.provider_json import Fields, as_fields, count_in, id_in, moment_in, number_in, word_in
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

LONGEST_URL = 2000


class HttpPlatform:
    """The client of a platform at an address, with its key."""

    provider = "platform"
    idempotent = True

    def __init__(self, base_url: str, api_key: str, timeout_seconds: float = 10.0) -> None:
        self._client = client_of("the platform", base_url, api_key, timeout_seconds)

    async def publish(self, page: Page, key: str) -> Verdict:
        answer = await write(self._client, "/api/v1/content", _body(page), key)
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else self._client.failure(answer)

    async def metrics(self, provider_id: str) -> PageMetrics | Deferred | Rejected:
        answer = await self._client.read(f"/api/v1/content/{quote(provider_id, safe='')}/metrics")
        if not isinstance(answer, Body):
            return answer
        metrics = _metrics_of(as_fields(answer.value))
        return metrics or Deferred(BAD_ANSWER, "the platform answered something else than the metrics of a page")

    async def healthy(self) -> bool:
        return await is_healthy(self._client)

    async def close(self) -> None:
        await self._client.close()


def _body(page: Page) -> Fields:
    return {
        "content_id": page.content_id,
        "title": page.title,
        "slug": page.slug,
        "content": page.content,
        "category": page.category,
        "tags": list(page.tags),
        "author": page.author,
        "seo_metadata": dict(page.seo_metadata),
        "status": page.status,
    }


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    fields = fields_in_answer(answer)
    page_id, published_at = id_in(fields, "id", "content_id"), moment_in(fields, "published_at")
    if not page_id:
        return Unknown(f"the platform answered {answer.status_code} without naming the page")
    output = {
        "url": word_in(fields, "url", LONGEST_URL) or None,
        "status": word_in(fields, "status") or None,
        "version": count_in(fields, "version"),
        "published_at": None if published_at is None else published_at.isoformat(),
    }
    return Accepted(page_id, output)


def _metrics_of(fields: Fields) -> PageMetrics | None:
    found = PageMetrics(
        views=count_in(fields, "views"),
        unique_views=count_in(fields, "unique_views"),
        engagement_rate=number_in(fields, "engagement_rate"),
        average_time_seconds=number_in(fields, "average_time_seconds"),
        shares=count_in(fields, "shares"),
        comments=count_in(fields, "comments"),
    )
    return None if found == PageMetrics() else found

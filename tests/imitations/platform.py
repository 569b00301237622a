"""An imitation of the platform: pages that it publishes once per key, and their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tests.imitations import main
from tests.imitations.keyed import KeyedImitation, error

PUBLISHED_AT = "2026-11-22T10:30:00Z"
METRICS = {
    "views": 1500,
    "unique_views": 1200,
    "engagement_rate": 5.5,
    "average_time_seconds": 45,
    "shares": 25,
    "comments": 10,
}


class PlatformImitation(KeyedImitation):
    """Takes pages; each that is published is recorded under its content id. `metrics` are those of every page."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.metrics: dict[str, Any] = dict(METRICS)

    def begin_anew(self) -> None:
        super().begin_anew()
        self.metrics = dict(METRICS)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/api/v1/content", self._publish, methods=["POST"]),
            Route("/api/v1/content/{page_id}/metrics", self._metrics, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    async def _publish(self, request: Request) -> Response:
        return await self.write(request, lambda content: content["content_id"], _published)

    async def _metrics(self, request: Request) -> Response:
        page_id = request.path_params["page_id"]
        if page_id not in {f"page-{received.to}" for received in self.journal.received}:
            return error(404, "not_found", "There is no such page")
        return await self.read(request, lambda: {"content_id": page_id, **self.metrics})


def _published(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"page-{content['content_id']}",
        "url": f"https://acme.example/{content['category']}/{content['slug']}",
        "status": content["status"],
        "version": 1,
        "published_at": PUBLISHED_AT,
    }


if __name__ == "__main__":
    main(PlatformImitation)

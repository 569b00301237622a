"""An imitation of the CRM: its subscribers, campaigns that it sends once per key, and its reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tests.imitations import main
from tests.imitations.keyed import KeyedImitation

EVENTS_PER_PAGE = 100


class CrmImitation(KeyedImitation):
    """Lists `subscribers` by segment and tags; each recipient that is sent to counts once in `mailed`.

    `events` are the reports by campaign, in their order; their cursor is a position. `renamed` are other names of
    fields in the list of subscribers; None leaves a field out.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.subscribers: list[dict[str, Any]] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.renamed: dict[str, str | None] = {}

    def begin_anew(self) -> None:
        super().begin_anew()
        self.subscribers, self.events, self.renamed = [], {}, {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/api/v1/subscribers", self._subscribers, methods=["GET"]),
            Route("/api/v1/campaigns", self._campaign, methods=["POST"]),
            Route("/api/v1/campaigns/{campaign_id}/events", self._events, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    @property
    def mailed(self) -> list[str]:
        """The addresses of all recipients, once for each mail."""
        return [one["email"] for received in self.journal.received for one in received.content["recipients"]]

    async def _subscribers(self, request: Request) -> Response:
        return await self.read(request, lambda: self._page(request.query_params))

    def _page(self, query: QueryParams) -> dict[str, Any]:
        wanted, segment = set(query.getlist("tags")), query.get("segment")
        fitting = [
            {name: value for name, value in one.items() if name != "segments"}
            for one in self.subscribers
            if wanted <= set(one.get("tags", [])) and (segment is None or segment in one.get("segments", []))
        ]
        start, limit = int(query.get("cursor", "0")), int(query.get("limit", "100"))
        following = str(start + limit) if start + limit < len(fitting) else None
        page = {"recipients": fitting[start : start + limit], "total": len(fitting), "next": following}
        names = {name: self.renamed.get(name, name) for name in page}
        return {new: page[name] for name, new in names.items() if new is not None}

    async def _campaign(self, request: Request) -> Response:
        return await self.write(request, lambda content: content["campaign_id"], _taken)

    async def _events(self, request: Request) -> Response:
        return await self.read(request, lambda: self._reports(request))

    def _reports(self, request: Request) -> dict[str, Any]:
        events = self.events.get(request.path_params["campaign_id"], [])
        start = int(request.query_params.get("after", "0"))
        end = min(start + EVENTS_PER_PAGE, len(events))
        return {"events": events[start:end], "next": str(end), "has_more": end < len(events)}


def _taken(content: dict[str, Any]) -> dict[str, Any]:
    batch_id = f"{content['campaign_id']}:{content['batch']}"
    return {"id": batch_id, "status": "sent", "accepted": len(content["recipients"])}


if __name__ == "__main__":
    main(CrmImitation)

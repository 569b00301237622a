"""An imitation of Notion's pages and block children: token, version header, cursors, named errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Imitation, Received, main, suffer

TOKEN = "ntn_imitated"

Json = dict[str, Any]

_CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "restricted_resource",
    404: "object_not_found",
    409: "conflict_error",
    429: "rate_limited",
    500: "internal_server_error",
    503: "service_unavailable",
}


class NotionImitation(Imitation):
    """Serves pages and the children of pages and blocks, `page_size` at a time and never more than `most`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.pages: dict[str, Json] = {}
        self.children: dict[str, list[Json]] = {}
        self.most = 100

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/pages/{id}", self._page, methods=["GET"]),
            Route("/v1/blocks/{id}/children", self._children, methods=["GET"]),
        ]

    def add(self, page_id: str, title: str, *blocks: Json, **changes: Any) -> str:
        """Add a page, with its blocks and those that each has under `children`; returns its id."""
        self.pages[page_id] = {
            "object": "page",
            "id": page_id,
            "last_edited_time": "2026-10-01T12:30:00.000Z",
            "in_trash": False,
            "properties": {
                "Tags": {"type": "multi_select", "multi_select": []},
                "Name": {"id": "title", "type": "title", "title": [text(title)]},
            },
        } | changes
        self._place(page_id, blocks)
        return page_id

    def _place(self, parent: str, blocks: Sequence[Json]) -> None:
        placed = []
        for number, given in enumerate(blocks):
            usual: Json = {"object": "block", "id": f"{parent}-{number}", "in_trash": False, "has_children": False}
            block = usual | given
            below = block.pop("children", [])
            if below:
                block["has_children"] = True
                self._place(block["id"], below)
            placed.append(block)
        self.children[parent] = placed

    async def _page(self, request: Request) -> Response:
        found = self.pages.get(request.path_params["id"])
        return await self._answer(request, found)

    async def _children(self, request: Request) -> Response:
        blocks = self.children.get(request.path_params["id"])
        if blocks is None:
            return await self._answer(request, None)
        start = int(request.query_params.get("start_cursor", "cursor-0").removeprefix("cursor-"))
        stop = start + min(int(request.query_params.get("page_size", "100")), self.most)
        more = stop < len(blocks)
        listed = {
            "object": "list",
            "results": blocks[start:stop],
            "has_more": more,
            "next_cursor": f"cursor-{stop}" if more else None,
            "type": "block",
            "block": {},
        }
        return await self._answer(request, listed)

    async def _answer(self, request: Request, found: Json | None) -> Response:
        path = request.url.path
        behaviour = self.journal.following(path)
        received = Received(to=path, content=dict(request.query_params), headers=dict(request.headers))
        self.journal.record(received)
        await suffer(request, behaviour)
        if behaviour.status is not None:
            return _error(behaviour.status, behaviour.text, behaviour.code, behaviour.headers)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "API token is invalid.")
        if "notion-version" not in request.headers:
            return _error(400, "Notion-Version header failed validation.", "missing_version")
        return JSONResponse(found) if found is not None else _error(404, "Could not find the object.")


def text(content: str, *, link: str | None = None, **annotations: bool) -> Json:
    """A part of rich text."""
    usual = {"bold": False, "italic": False, "strikethrough": False, "underline": False, "code": False}
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": usual | annotations | {"color": "default"},
        "plain_text": content,
        "href": link,
    }


def block(kind: str, *parts: Json | str, children: Sequence[Json] = (), **fields: Any) -> Json:
    """A block of a type, with its rich text and the blocks below it."""
    rich = [text(part) if isinstance(part, str) else part for part in parts]
    return {"type": kind, kind: {"rich_text": rich} | fields, "children": list(children)}


def _error(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> Response:
    named = code or _CODES.get(status, "internal_server_error")
    body = {"object": "error", "status": status, "code": named, "message": message, "request_id": "imitated"}
    return JSONResponse(body, status, headers=headers)


if __name__ == "__main__":
    main(NotionImitation)

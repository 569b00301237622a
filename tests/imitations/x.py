"""An imitation of X's API, version 2: posts with shortened links, the timeline of the own account, its problems."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, main
from tests.imitations.social import Post, SocialImitation

ACCESS_TOKEN = "imitated-user-token"
USER_ID = "2244994945"

_LINK = re.compile(r"(?:https?://)?[\w.-]+\.(?:example|com)(?:/\S*)?", re.IGNORECASE)
_TITLES = {400: "Invalid Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}


class XImitation(SocialImitation):
    """Takes posts with ACCESS_TOKEN, and lists those of USER_ID.

    Texts are listed as X lists them: `&`, `<` and `>` escaped, links replaced by short ones whose whole address stands
    in the entities, with a scheme and a small host. `errors` stand beside the list, as X tells what it left out.
    """

    network = "x"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.errors: list[dict[str, Any]] = []

    def begin_anew(self) -> None:
        super().begin_anew()
        self.errors = []

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/2/tweets", self._create, methods=["POST"]),
            Route("/2/users/me", self._me, methods=["GET"]),
            Route(f"/2/users/{USER_ID}/tweets", self._timeline, methods=["GET"]),
        ]

    def failed(self, behaviour: Behaviour) -> Response:
        return _problem(behaviour.status or 500, behaviour.text, behaviour.code, behaviour.headers)

    def duplicate(self) -> Response:
        return _problem(403, "You are not allowed to create a Tweet with duplicate content.")

    async def _create(self, request: Request) -> Response:
        if not _authorized(request):
            return _problem(401, "Unauthorized")
        content = await request.json()
        if not isinstance(content.get("text"), str) or not content["text"]:
            return _problem(400, "One or more parameters to your request was invalid.", "invalid-request")
        return await self.take(request, content["text"], content, _created)

    async def _me(self, request: Request) -> Response:
        if not _authorized(request):
            return _problem(401, "Unauthorized")
        return await self.listing(request) or JSONResponse(
            {"data": {"id": USER_ID, "name": "Acme", "username": "acme"}}
        )

    async def _timeline(self, request: Request) -> Response:
        if not _authorized(request):
            return _problem(401, "Unauthorized")
        if failure := await self.listing(request):
            return failure
        query = request.query_params
        since = datetime.fromisoformat(query["start_time"])
        fitting = [post for post in self.newest_first() if post.made_at >= since]
        start, size = int(query.get("pagination_token", "0")), int(query["max_results"])
        page = [_listed(post) for post in fitting[start : start + size]]
        meta: dict[str, Any] = {"result_count": len(page)}
        if start + size < len(fitting):
            meta["next_token"] = str(start + size)
        body = {"data": page, "meta": meta, "errors": self.errors}
        return JSONResponse({name: value for name, value in body.items() if value})


def _authorized(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {ACCESS_TOKEN}"


def _created(post: Post) -> Response:
    return JSONResponse({"data": {"id": str(post.id), "text": post.text}}, 201)


def _listed(post: Post) -> dict[str, Any]:
    urls: list[dict[str, Any]] = []

    def short(link: re.Match[str]) -> str:
        address = f"https://t.co/{post.id}{len(urls)}"
        urls.append({"url": address, "expanded_url": _whole(link[0]), "display_url": link[0]})
        return address

    return {
        "id": str(post.id),
        "text": html.escape(_LINK.sub(short, post.text), quote=False),
        "created_at": post.made_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "entities": {"urls": urls},
        "edit_history_tweet_ids": [str(post.id)],
    }


def _whole(link: str) -> str:
    scheme, _, rest = link.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme or 'http'}://{host.lower()}{slash}{path}"


def _problem(status: int, detail: str, name: str | None = None, headers: dict[str, str] | None = None) -> Response:
    kind = f"https://api.x.com/2/problems/{name}" if name else "about:blank"
    body = {"detail": detail, "type": kind, "title": _TITLES.get(status, "Error"), "status": status}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


if __name__ == "__main__":
    main(XImitation)

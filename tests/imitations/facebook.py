"""An imitation of the Graph API for one Page: its feed, its posts, and errors with numbered codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, main
from tests.imitations.social import Post, SocialImitation

ACCESS_TOKEN = "imitated-page-token"
PAGE_ID = "546349135390552"
VERSION = "v26.0"

_CODES = {401: 190, 403: 200, 429: 32, 500: 1, 503: 2}


class FacebookImitation(SocialImitation):
    """Takes posts of PAGE_ID with ACCESS_TOKEN. The next page of the list is a whole address with the token in it."""

    network = "facebook"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(f"/{VERSION}/{PAGE_ID}/feed", self._create, methods=["POST"]),
            Route(f"/{VERSION}/{PAGE_ID}/posts", self._posts, methods=["GET"]),
        ]

    def failed(self, behaviour: Behaviour) -> Response:
        status = behaviour.status or 500
        code = int(behaviour.code) if behaviour.code else _CODES.get(status, 1 if status >= 500 else 100)
        return _error(status, code, behaviour.text, behaviour.headers)

    def duplicate(self) -> Response:
        return _error(400, 506, "(#506) Duplicate status message")

    async def _create(self, request: Request) -> Response:
        if not _authorized(request):
            return _error(400, 190, "Invalid OAuth access token - Cannot parse access token")
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if not form.get("message"):
            return _error(400, 100, "(#100) You must provide content for the post")
        return await self.take(request, form["message"], form, _created)

    async def _posts(self, request: Request) -> Response:
        if not _authorized(request):
            return _error(400, 190, "Invalid OAuth access token - Cannot parse access token")
        if failure := await self.listing(request):
            return failure
        query = request.query_params
        fitting = [post for post in self.newest_first() if post.made_at.timestamp() >= int(query["since"])]
        start, limit = int(query.get("after", "0")), min(int(query.get("limit", "25")), 100)
        body: dict[str, Any] = {"data": [_listed(post) for post in fitting[start : start + limit]]}
        if start + limit < len(fitting):
            following = urlencode({**query, "after": start + limit, "access_token": ACCESS_TOKEN})
            body["paging"] = {"next": f"https://graph.facebook.com{request.url.path}?{following}"}
        return JSONResponse(body)


def _authorized(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {ACCESS_TOKEN}" and "access_token" not in str(request.url)


def _created(post: Post) -> Response:
    return JSONResponse({"id": f"{PAGE_ID}_{post.id}"})


def _listed(post: Post) -> dict[str, Any]:
    return {
        "id": f"{PAGE_ID}_{post.id}",
        "message": post.text,
        "created_time": post.made_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "EJplcsCHuLu"}
    return JSONResponse({"error": error}, status, headers=headers)


if __name__ == "__main__":
    main(FacebookImitation)

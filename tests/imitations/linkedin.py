"""An imitation of LinkedIn's Posts API: little text in, the id of the post in a header, its versioned errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, main
from tests.imitations.social import Post, SocialImitation

ACCESS_TOKEN = "imitated-member-token"
AUTHOR = "urn:li:organization:5515715"
VERSION = "202609"

_RESERVED = frozenset("|{}@[]()<>#*_~")
_CODES = {401: "INVALID_ACCESS_TOKEN", 403: "ACCESS_DENIED", 426: "NONEXISTENT_VERSION", 429: "TOO_MANY_REQUESTS"}


class LinkedInImitation(SocialImitation):
    """Takes posts of AUTHOR with ACCESS_TOKEN. A text ends at the first reserved character that is not escaped.

    `readable` False refuses to list posts, as LinkedIn refuses most applications those of a person.
    """

    network = "linkedin"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.readable = True

    def begin_anew(self) -> None:
        super().begin_anew()
        self.readable = True

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/rest/posts", self._create, methods=["POST"]),
            Route("/rest/posts", self._find, methods=["GET"]),
        ]

    def failed(self, behaviour: Behaviour) -> Response:
        return _error(behaviour.status or 500, behaviour.text, behaviour.code, behaviour.headers)

    def duplicate(self) -> Response:
        urn = f"urn:li:share:{self.posts[-1].id}"
        body = {
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": f"Content is a duplicate of {urn}",
            "errorDetails": {
                "inputErrors": [{"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}]
            },
            "status": 422,
        }
        return JSONResponse(body, 422)

    async def _create(self, request: Request) -> Response:
        if refusal := _refusal(request):
            return refusal
        content = await request.json()
        if content.get("author") != AUTHOR or content.get("lifecycleState") != "PUBLISHED":
            return _error(403, "Not enough permissions to access: partnerApiPosts.CREATE")
        if len(content["commentary"]) == 0 or content["distribution"]["feedDistribution"] != "MAIN_FEED":
            return _error(422, "commentary is too short", "MISSING_FIELD")
        return await self.take(request, seen(content["commentary"]), content, _created)

    async def _find(self, request: Request) -> Response:
        if refusal := _refusal(request):
            return refusal
        if failure := await self.listing(request):
            return failure
        query = request.query_params
        if not self.readable:
            return _error(403, "Not enough permissions to access: partnerApiPosts.FINDER-author")
        if query.get("q") != "author" or request.headers.get("x-restli-method") != "FINDER":
            return _error(400, "Invalid query", "ILLEGAL_ARGUMENT")
        start, count = int(query.get("start", "0")), int(query.get("count", "10"))
        fitting = self.newest_first()
        paging = {"start": start, "count": count, "links": []}
        return JSONResponse({"paging": paging, "elements": [_listed(post) for post in fitting[start : start + count]]})


def _created(post: Post) -> Response:
    return Response(status_code=201, headers={"x-restli-id": f"urn:li:share:{post.id}"})


def seen(commentary: str) -> str:
    """The text as readers see it."""
    text, rest = "", commentary
    while rest:
        if rest.startswith("{hashtag|\\#|"):
            tag, _, rest = rest.removeprefix("{hashtag|\\#|").partition("}")
            text += "#" + tag.replace("\\", "")
        elif rest[0] == "\\":
            text, rest = text + rest[1:2], rest[2:]
        elif rest[0] in _RESERVED:
            return text
        else:
            text, rest = text + rest[0], rest[1:]
    return text


def _listed(post: Post) -> dict[str, Any]:
    at = int(post.made_at.timestamp() * 1000)
    return {
        "id": f"urn:li:share:{post.id}",
        "author": AUTHOR,
        "commentary": "".join(f"\\{one}" if one in _RESERVED | {"\\"} else one for one in post.text),
        "lifecycleState": "PUBLISHED",
        "visibility": "PUBLIC",
        "createdAt": at,
        "publishedAt": at,
        "lastModifiedAt": at,
    }


def _refusal(request: Request) -> Response | None:
    headers = request.headers
    if headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
        return _error(401, "Invalid access token")
    if headers.get("linkedin-version") != VERSION:
        return _error(426, f"Requested version {headers.get('linkedin-version')} is not active")
    if headers.get("x-restli-protocol-version") != "2.0.0":
        return _error(400, "Invalid protocol version", "ILLEGAL_ARGUMENT")
    return None


def _error(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> Response:
    named = code or _CODES.get(status, "INTERNAL_SERVER_ERROR")
    return JSONResponse({"status": status, "code": named, "message": message}, status, headers=headers)


if __name__ == "__main__":
    main(LinkedInImitation)

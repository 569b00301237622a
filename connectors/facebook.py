"""Posts on a Facebook Page, through the Graph API with the Page's token."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx2

from connectors.http_client import (
    ANSWERED,
    CREDENTIALS,
    Dialect,
    HttpClient,
    Problem,
    fields_in_answer,
)
from connectors.own_posts import CLOCK_SKEW, OwnPost, PostPage, UnreadableList, duplicate, look_up, posted
from connectors.provider_json import (
    Fields,
    as_fields,
    count_in,
    fields_in,
    fields_of,
    first_word,
    items_in,
    moment_in,
    number_in,
    text_in,
    word_in,
)
from connectors.retry_after import LONGEST, retry_after
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Deferred, Finding, Rejected, Unknown, Verdict

VERSION = "v26.0"
PAGE_SIZE = 100

_THROTTLED = frozenset({4, 17, 32, 341, 613, 80001})
"""Error codes of limits, with any status: too many calls by the application, the user, the Page."""

_TOKEN = frozenset({102, 190})
_PASSING = frozenset({1, 2})
"""Error codes of "an unknown error" and "temporarily unavailable". Posts have appeared in spite of them."""

_USAGE = "x-business-use-case-usage"
"""The header with the use of limits, as JSON: by business, entries with the minutes until access is regained."""


class FacebookPosts:
    """The connector to a Facebook Page. `access_token` is the Page's, `page_id` its id."""

    provider = "facebook"
    idempotent = False

    def __init__(
        self,
        access_token: str,
        page_id: str,
        base_url: str = "https://graph.facebook.com",
        timeout_seconds: float = 10.0,
    ) -> None:
        self._page = f"/{VERSION}/{quote(page_id, safe='')}"
        self._client = HttpClient(
            "Facebook",
            base_url,
            access_token,
            Dialect(problem_of, regain_wait, special=_special),
            None,
            timeout_seconds,
        )

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        answer = await self._client.exchange("POST", f"{self._page}/feed", form={"message": effect.text})
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else self._client.failure(answer)

    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        """The posts of the Page with the same message."""
        path = f"{self._page}/posts"
        query = {
            "fields": "id,message,created_time",
            "since": str(int((since - CLOCK_SKEW).timestamp())),
            "limit": str(PAGE_SIZE),
        }
        return await look_up(
            self._client, f"{path}?{urlencode(query)}", lambda value, _: _page_of(value, path), effect.text, since
        )

    async def close(self) -> None:
        await self._client.close()


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    post_id = word_in(fields_in_answer(answer), "id")
    return posted("Facebook", post_id, url_of(post_id))


def _special(answer: httpx2.Response, problem: Problem) -> Rejected | Deferred | Unknown | None:
    match count_in(fields_in(fields_in_answer(answer), "error"), "code"):
        case 506:
            return duplicate("Facebook")
        case code if code in _THROTTLED:
            return Deferred(problem.code, problem.sentence)
        case code if code in _TOKEN:
            return Rejected(CREDENTIALS, problem.sentence)
        case code if code in _PASSING and answer.is_client_error:
            return Unknown(f"Facebook failed by itself: {problem.sentence}", output=dict(ANSWERED))
        case _:
            return None


def url_of(post_id: str) -> str:
    """The public address of a post."""
    return f"https://www.facebook.com/{quote(post_id, safe='')}"


def problem_of(fields: Fields) -> Problem:
    """The problem in an error's body. Its code is a number."""
    error = fields_in(fields, "error")
    code = count_in(error, "code")
    return Problem("" if code is None else str(code), first_word(error, "message", "error_user_msg"))


def regain_wait(headers: httpx2.Headers, now: datetime) -> float | None:
    """The seconds to wait: by Retry-After, else the longest estimate of when access is regained."""
    asked = retry_after(headers, now)
    if asked is not None:
        return asked
    try:
        businesses = fields_of(headers.get(_USAGE, "")).values()
    except ValueError:
        return None
    uses = [as_fields(use) for entries in businesses if isinstance(entries, list) for use in entries]
    minutes = max((number_in(use, "estimated_time_to_regain_access") or 0.0 for use in uses), default=0.0)
    return min(60 * minutes, LONGEST) or None


def _page_of(value: object, path: str) -> PostPage:
    fields = as_fields(value)
    posts = items_in(fields, "data")
    if posts is None:
        raise UnreadableList
    following = text_in(fields_in(fields, "paging"), "next")
    return PostPage([_post_of(as_fields(one)) for one in posts], _own(path, following) if posts else None)


def _own(path: str, following: str) -> str | None:
    """The next page under our own path: the address that comes has the token in it, and might be of another host."""
    try:
        query = [pair for pair in parse_qsl(urlsplit(following).query) if pair[0] != "access_token"]
    except ValueError:
        raise UnreadableList from None
    return f"{path}?{urlencode(query)}" if following else None


def _post_of(fields: Fields) -> OwnPost:
    post_id, made_at = word_in(fields, "id"), moment_in(fields, "created_time")
    if not post_id or made_at is None:
        raise UnreadableList
    return OwnPost(post_id, text_in(fields, "message"), made_at)

"""Posts on X, through version 2 of its API with a user's token."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import httpx2

from connectors.http_client import CREDENTIALS, Body, Dialect, HttpClient, Problem, fields_in_answer
from connectors.own_posts import (
    CLOCK_SKEW,
    OwnPost,
    PostPage,
    UnreadableList,
    duplicate,
    look_up,
    posted,
    unreadable,
)
from connectors.provider_json import (
    Fields,
    as_fields,
    count_in,
    fields_in,
    first_word,
    items_in,
    moment_in,
    text_in,
    word_in,
)
from connectors.retry_after import LONGEST, retry_after
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Finding, Rejected, Unknown, Verdict

PAGE_SIZE = 100
EARLIEST = datetime(2010, 11, 7, tzinfo=UTC)
"""The earliest `start_time` that X takes."""

_LIMITS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
"""The prefixes of headers that tell what is left of a limit, and when (Unix seconds) it begins anew."""

_APP_ONLY = "unsupported-authentication"
"""The problem of a token that stands for an application, where only a user's may post."""

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_SCHEME_AND_HOST = re.compile(r"https?://([^\s/?#]*)", re.IGNORECASE)
_LAST_SLASH = re.compile(r"/(?=\s|$)")


class XPosts:
    """The connector to X. `access_token` is a user's, with the scopes tweet.write, tweet.read and users.read."""

    provider = "x"
    idempotent = False

    def __init__(self, access_token: str, base_url: str = "https://api.x.com", timeout_seconds: float = 10.0) -> None:
        self._client = HttpClient(
            "X", base_url, access_token, Dialect(problem_of, reset_wait, special=_special), None, timeout_seconds
        )
        self._user_id = ""

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        answer = await self._client.exchange("POST", "/2/tweets", json={"text": effect.text})
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else self._client.failure(answer)

    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        """The posts of this account with the same text, links expanded."""
        user_id = self._user_id or await self._own_id()
        if not isinstance(user_id, str):
            return user_id
        self._user_id = user_id
        path = f"/2/users/{quote(user_id, safe='')}/tweets"
        start = max(since.astimezone(UTC) - CLOCK_SKEW, EARLIEST)
        query = {
            "max_results": str(PAGE_SIZE),
            "start_time": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tweet.fields": "created_at,entities",
        }
        return await look_up(
            self._client,
            f"{path}?{urlencode(query)}",
            lambda value, _: _page_of(value, path, query),
            plain_links(effect.text),
            since,
        )

    async def close(self) -> None:
        await self._client.close()

    async def _own_id(self) -> str | Finding:
        answer = await self._client.read("/2/users/me")
        if not isinstance(answer, Body):
            return unreadable(self._client, answer)
        return word_in(fields_in(as_fields(answer.value), "data"), "id") or Unknown("X does not name the account")


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    post_id = word_in(fields_in(fields_in_answer(answer), "data"), "id")
    return posted("X", post_id, url_of(post_id))


def _special(answer: httpx2.Response, problem: Problem) -> Rejected | None:
    if answer.status_code == 403 and "duplicate" in problem.sentence.lower():
        return duplicate("X")
    return Rejected(CREDENTIALS, problem.sentence) if problem.code == _APP_ONLY else None


def url_of(post_id: str) -> str:
    """The public address of a post."""
    return f"https://x.com/i/web/status/{quote(post_id, safe='')}"


def problem_of(fields: Fields) -> Problem:
    """The problem in an error's body (RFC 9457): its type is an address whose last part names it."""
    name = word_in(fields, "type").rpartition("/")[2]
    errors = items_in(fields, "errors") or ()
    inner = as_fields(errors[0]) if errors else {}
    sentence = first_word(fields, "detail", "title") or first_word(inner, "detail", "message")
    return Problem("" if name == "about:blank" else name, sentence)


def reset_wait(headers: httpx2.Headers, now: datetime) -> float | None:
    """The seconds to wait: by Retry-After, else until every used-up limit begins anew."""
    asked = retry_after(headers, now)
    if asked is not None:
        return asked
    used_up = [limit for limit in _LIMITS if headers.get(f"{limit}-remaining") == "0"] or _LIMITS[:1]
    resets = [headers.get(f"{limit}-reset", "") for limit in used_up]
    waits = [int(reset) - now.timestamp() for reset in resets if reset.isdecimal() and reset.isascii()]
    return min(max(*waits, 0.0), LONGEST) if waits else None


def plain_links(text: str) -> str:
    """A text with its links in one form: X completes the scheme and the first slash, and writes hosts small."""
    bare = _SCHEME_AND_HOST.sub(lambda link: link[1].lower(), text)
    return _LAST_SLASH.sub("", bare)


def _page_of(value: object, path: str, query: dict[str, str]) -> PostPage:
    fields = as_fields(value)
    posts, meta = items_in(fields, "data"), fields_in(fields, "meta")
    if fields.get("errors") or (posts is None and count_in(meta, "result_count") != 0):
        raise UnreadableList
    token = text_in(meta, "next_token")
    following = f"{path}?{urlencode(query | {'pagination_token': token})}" if token else None
    return PostPage([_post_of(as_fields(one)) for one in posts or ()], following)


def _post_of(fields: Fields) -> OwnPost:
    post_id, made_at = word_in(fields, "id"), moment_in(fields, "created_at")
    if not post_id or made_at is None:
        raise UnreadableList
    return OwnPost(post_id, plain_links(_expanded(fields)), made_at)


def _expanded(fields: Fields) -> str:
    """The text with its links as they were posted: X shortens them, and escapes three characters as HTML does."""
    text = text_in(fields, "text")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    for link in items_in(fields_in(fields, "entities"), "urls") or ():
        short, whole = text_in(as_fields(link), "url"), text_in(as_fields(link), "expanded_url")
        text = text.replace(short, whole) if short and whole else text
    return text

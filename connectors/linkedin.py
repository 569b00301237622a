"""Posts on LinkedIn, through its Posts API, by a person or an organization."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

import httpx2

from connectors.http_client import Dialect, HttpClient, Problem, fields_in_answer
from connectors.little_text import little_text, plain_text
from connectors.own_posts import CLOCK_SKEW, OwnPost, PostPage, UnreadableList, duplicate, look_up, posted
from connectors.provider_json import (
    Fields,
    as_fields,
    fields_in,
    id_in,
    items_in,
    moment_in,
    recordable,
    text_in,
    word_in,
)
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Finding, Rejected, Unknown, Verdict

PAGE_SIZE = 50

_FINDER = {"X-RestLi-Method": "FINDER"}
_UNPUBLISHED = frozenset({"DRAFT", "PUBLISH_FAILED"})


class LinkedInPosts:
    """The connector to LinkedIn. `author` is the URN of the person or organization in whose name it posts.

    `version` of the API is a month (`202609`), which LinkedIn keeps for a year and then answers with 426.
    LinkedIn lets few applications read a person's posts: there a look-up cannot tell anything.
    """

    provider = "linkedin"
    idempotent = False

    def __init__(
        self,
        access_token: str,
        author: str,
        version: str,
        base_url: str = "https://api.linkedin.com",
        timeout_seconds: float = 10.0,
    ) -> None:
        self._author = author
        headers = {"LinkedIn-Version": version, "X-Restli-Protocol-Version": "2.0.0"}
        self._client = HttpClient(
            "LinkedIn", base_url, access_token, Dialect(problem_of, special=_special), headers, timeout_seconds
        )

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        answer = await self._client.exchange("POST", "/rest/posts", json=self._body(effect.text))
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else self._client.failure(answer)

    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        """The posts of this author with the same text."""
        begin = since - CLOCK_SKEW
        return await look_up(
            self._client,
            self._page(0),
            lambda value, number: self._page_of(value, number, begin),
            effect.text,
            since,
            _FINDER,
        )

    async def close(self) -> None:
        await self._client.close()

    def _body(self, text: str) -> Fields:
        return {
            "author": self._author,
            "commentary": little_text(text),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }

    def _page(self, start: int) -> str:
        query = {"q": "author", "author": self._author, "count": PAGE_SIZE, "sortBy": "LAST_MODIFIED"}
        return f"/rest/posts?{urlencode(query | ({'start': start} if start else {}))}"

    def _page_of(self, value: object, number: int, begin: datetime) -> PostPage:
        elements = items_in(as_fields(value), "elements")
        if elements is None:
            raise UnreadableList
        found = [as_fields(one) for one in elements]
        posts = [_post_of(one) for one in found if word_in(one, "lifecycleState") not in _UNPUBLISHED]
        over = not found or _changed_before(found[-1], begin) or not _has_next(value, len(found))
        return PostPage(posts, None if over else self._page((number + 1) * PAGE_SIZE))


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    urn = recordable(answer.headers.get("x-restli-id", ""))
    return posted("LinkedIn", urn, url_of(urn))


def _special(answer: httpx2.Response, _problem: Problem) -> Rejected | None:
    inner = items_in(fields_in(fields_in_answer(answer), "errorDetails"), "inputErrors") or ()
    refused = answer.is_client_error and any("DUPLICATE" in text_in(as_fields(one), "code") for one in inner)
    return duplicate("LinkedIn") if refused else None


def _post_of(fields: Fields) -> OwnPost:
    urn = word_in(fields, "id")
    made_at = moment_in(fields, "publishedAt") or moment_in(fields, "createdAt")
    if not urn or made_at is None:
        raise UnreadableList
    return OwnPost(urn, plain_text(text_in(fields, "commentary")), made_at)


def _changed_before(fields: Fields, begin: datetime) -> bool:
    """Whether this post, and all after it, were made before: the list begins with what was changed last."""
    changed = moment_in(fields, "lastModifiedAt")
    return changed is not None and changed < begin


def _has_next(value: object, found: int) -> bool:
    links = items_in(fields_in(as_fields(value), "paging"), "links") or ()
    return found >= PAGE_SIZE or any(text_in(as_fields(link), "rel") == "next" for link in links)


def url_of(urn: str) -> str:
    """The public address of a post."""
    return f"https://www.linkedin.com/feed/update/{quote(urn, safe=':')}"


def problem_of(fields: Fields) -> Problem:
    """The problem in an error's body."""
    return Problem(word_in(fields, "code") or id_in(fields, "serviceErrorCode"), word_in(fields, "message"))

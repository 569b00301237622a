"""The posts of the own account, as a network lists them: in them a post is found again whose posting had no answer.

No network has idempotency keys, and none keeps a reference of ours: only words and time tell which post it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from connectors.http_client import Body, HttpClient
from streams.core.calls import Accepted, Deferred, Finding, Listed, Rejected, Unknown

MOST_PAGES = 5
CLOCK_SKEW = timedelta(minutes=5)
"""How far a network's clock may be behind ours."""

DUPLICATE = "duplicate"
"""The code of a post that the network refuses because it has this text already. It may be ours: a look-up tells."""


class OwnPost(NamedTuple):
    """One listed post: the network's id, its text as a reader sees it, its time."""

    id: str
    text: str
    made_at: datetime


class PostPage(NamedTuple):
    """One page of the list, and the path of the next one."""

    posts: Sequence[OwnPost]
    next_path: str | None = None


class UnreadableList(Exception):
    """An answer that is no list of posts, or a list with a post that cannot be read: what it lacks may be there."""


async def look_up(
    client: HttpClient,
    path: str,
    page_of: Callable[[object, int], PostPage],
    text: str,
    since: datetime,
    headers: Mapping[str, str] | None = None,
) -> Finding:
    """The posts with this text made since then, oldest first, from the pages that begin at a path.

    `page_of` reads a page by its number and raises UnreadableList.
    """
    found: list[OwnPost] = []
    for number in range(MOST_PAGES):
        answer = await client.read(path, headers)
        if not isinstance(answer, Body):
            return unreadable(client, answer)
        try:
            page = page_of(answer.value, number)
        except UnreadableList:
            return Unknown(f"the list of posts that {client.name} answered cannot be read")
        found += page.posts
        if page.next_path is None:
            return _matching(found, text, since)
        path = page.next_path
    return Unknown(f"{client.name} lists more than {MOST_PAGES} pages of posts since then")


def unreadable(client: HttpClient, failure: Deferred | Rejected) -> Deferred | Unknown:
    """The finding where the list cannot be read: not now, or not at all."""
    if isinstance(failure, Deferred):
        return failure
    return Unknown(f"{client.name} does not let this account's posts be read: {failure.reason}")


def posted(network: str, provider_id: str, url: str) -> Accepted | Unknown:
    """The verdict of a success, which has to name the post."""
    if not provider_id:
        return Unknown(f"{network} took the post without naming it")
    return Accepted(provider_id, {"url": url})


def duplicate(network: str) -> Rejected:
    """The verdict where the network says that this text was posted before."""
    return Rejected(DUPLICATE, f"{network} has a post with this text already")


def same_words(text: str) -> str:
    """The words of a text as they are compared: alike where a network may have changed spaces or composed letters."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _matching(found: Sequence[OwnPost], text: str, since: datetime) -> Listed:
    recent = sorted((one for one in found if one.made_at >= since - CLOCK_SKEW), key=lambda one: one.made_at)
    return Listed(tuple(one.id for one in recent if same_words(one.text) == same_words(text)))

"""What is X's own: links, limits that begin anew, and its problems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import httpx2
import pytest

from connectors.retry_after import LONGEST
from connectors.x import XPosts, reset_wait
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Deferred, Listed, Rejected, Unknown
from tests.imitations import Stage, failing
from tests.imitations.x import ACCESS_TOKEN, XImitation

MakePost = Callable[..., SocialPost]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[XImitation]:
    with XImitation() as imitation:
        yield imitation


@pytest.fixture
def x(server: XImitation) -> XImitation:
    server.begin_anew()
    return server


@pytest.fixture
async def post(x: XImitation) -> AsyncIterator[XPosts]:
    connector = XPosts(ACCESS_TOKEN, x.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


async def test_the_request_is_as_x_documents_it(post: XPosts, x: XImitation, a_post: MakePost) -> None:
    assert isinstance(await post(a_post(), "key-1"), Accepted)
    [received] = x.journal.received
    assert received.content == {"text": "Breathe in, breathe out."}
    assert received.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert received.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "text",
    [
        "Read https://acme.example/updates/7 and https://acme.example/tips",
        "Read https://acme.example/?a=1&b=2.",
        "Read HTTPS://Acme.example/Tips",
        "Read https://acme.example",
        "Read acme.example/tips",
        "1 < 2 && 3 > 2 &amp; all that &lt;",
        "Two  spaces\tand\r\nlines ",
        "Cafe\u0301",
    ],
)
async def test_a_text_is_found_though_x_shortens_its_links_and_escapes_letters(
    post: XPosts, a_post: MakePost, text: str
) -> None:
    verdict = await post(a_post(text), "key-1")
    assert isinstance(verdict, Accepted)
    assert await post.find(a_post(text), datetime.now(UTC)) == Listed((verdict.provider_id,))


async def test_another_link_is_another_text(post: XPosts, a_post: MakePost) -> None:
    await post(a_post("Read https://acme.example/updates/7"), "key-1")
    assert await post.find(a_post("Read https://acme.example/updates/8"), datetime.now(UTC)) == Listed()


async def test_the_account_is_asked_for_once(post: XPosts, x: XImitation, a_post: MakePost) -> None:
    assert await post.find(a_post(), datetime.now(UTC)) == Listed()
    x.behave(failing(500, stage=Stage.LIST))
    assert isinstance(await post.find(a_post(), datetime.now(UTC)), Deferred)
    assert await post.find(a_post(), datetime(1970, 1, 1, tzinfo=UTC)) == Listed()


async def test_an_applications_token_is_no_users(post: XPosts, x: XImitation, a_post: MakePost) -> None:
    x.behave(failing(403, "unsupported-authentication", text="Authenticating with OAuth 2.0 Application-Only"))
    verdict = await post(a_post(), "key-1")
    assert verdict == Rejected("credentials", "Authenticating with OAuth 2.0 Application-Only")


async def test_a_problem_is_named_by_the_last_part_of_its_type(post: XPosts, x: XImitation, a_post: MakePost) -> None:
    x.behave(failing(402, "credits-depleted", text="No credits"), failing(403, text="Forbidden"))
    assert await post(a_post(), "key-1") == Rejected("credits-depleted", "No credits")
    assert await post(a_post(), "key-1") == Rejected("http_403", "Forbidden")


async def test_a_list_with_errors_beside_it_is_no_evidence(post: XPosts, x: XImitation, a_post: MakePost) -> None:
    x.errors = [{"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}]
    assert isinstance(await post.find(a_post(), datetime.now(UTC)), Unknown)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "3", "x-rate-limit-reset": "1795348860"}, 3.0),
        ({"x-rate-limit-reset": "1795348860"}, 60.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1795348860"}, 60.0),
        (
            {
                "x-rate-limit-remaining": "5",
                "x-rate-limit-reset": "1795348860",
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": "1795352400",
            },
            3600.0,
        ),
        ({"x-rate-limit-reset": "1"}, 0.0),
        ({"x-rate-limit-reset": "9" * 30}, LONGEST),
        ({"x-rate-limit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_limit_is_waited_for_until_it_begins_anew(headers: dict[str, str], wait: float | None) -> None:
    assert reset_wait(httpx2.Headers(headers), NOON) == wait

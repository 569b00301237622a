"""What is Facebook's own: numbered errors with any status, its header of use, and next pages with a token in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx2
import pytest

from connectors.facebook import FacebookPosts, regain_wait
from connectors.retry_after import LONGEST
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Deferred, Rejected, Unknown
from tests.imitations import Stage, failing
from tests.imitations.facebook import ACCESS_TOKEN, PAGE_ID, FacebookImitation

MakePost = Callable[..., SocialPost]
USAGE = '{"%s": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": %s}]}'


@pytest.fixture(scope="module")
def server() -> Iterator[FacebookImitation]:
    with FacebookImitation() as imitation:
        yield imitation


@pytest.fixture
def facebook(server: FacebookImitation) -> FacebookImitation:
    server.begin_anew()
    return server


@pytest.fixture
async def post(facebook: FacebookImitation) -> AsyncIterator[FacebookPosts]:
    connector = FacebookPosts(ACCESS_TOKEN, PAGE_ID, facebook.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


async def test_the_request_is_as_facebook_documents_it(
    post: FacebookPosts, facebook: FacebookImitation, a_post: MakePost
) -> None:
    verdict = await post(a_post("Breathe & rest"), "key-1")
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id == f"{PAGE_ID}_{facebook.posts[0].id}"
    [received] = facebook.journal.received
    assert received.content == {"message": "Breathe & rest"}
    assert received.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


@pytest.mark.parametrize("code", ["4", "17", "32", "341", "613", "80001"])
async def test_a_limit_is_deferred_whatever_the_status(
    post: FacebookPosts, facebook: FacebookImitation, a_post: MakePost, code: str
) -> None:
    usage = {"X-Business-Use-Case-Usage": USAGE % (PAGE_ID, 7)}
    facebook.behave(failing(400, code, text="(#32) Page request limit reached", headers=usage))
    assert await post(a_post(), "key-1") == Deferred(code, "(#32) Page request limit reached", 420.0)
    facebook.behave(failing(403, code, stage=Stage.LIST))
    assert isinstance(await post.find(a_post(), datetime.now(UTC)), Deferred)


@pytest.mark.parametrize("code", ["102", "190"])
async def test_a_token_that_has_ended_is_refused_as_credentials(
    post: FacebookPosts, facebook: FacebookImitation, a_post: MakePost, code: str
) -> None:
    facebook.behave(failing(400, code, text="The session has expired"))
    assert await post(a_post(), "key-1") == Rejected("credentials", "The session has expired")


@pytest.mark.parametrize("code", ["1", "2"])
async def test_a_passing_failure_is_over_but_may_have_posted(
    post: FacebookPosts, facebook: FacebookImitation, a_post: MakePost, code: str
) -> None:
    facebook.behave(failing(400, code), failing(500, code))
    for _ in range(2):
        verdict = await post(a_post(), "key-1")
        assert isinstance(verdict, Unknown)
        assert verdict.output == {"answered": True}


async def test_the_next_page_is_never_somebody_elses(
    post: FacebookPosts, a_post: MakePost, answering: Callable[..., str]
) -> None:
    elsewhere = f"https://elsewhere.example/x?{urlencode({'after': 'a', 'access_token': ACCESS_TOKEN})}"
    one = '{"id": "1", "message": "x", "created_time": "2026-11-22T10:00:00+0000"}'
    body = f'{{"data": [{one}], "paging": {{"next": "{elsewhere}"}}}}'.encode()
    connector = FacebookPosts(ACCESS_TOKEN, PAGE_ID, answering(200, body), timeout_seconds=5.0)
    assert isinstance(await connector.find(a_post(), datetime.now(UTC)), Unknown)  # the same page, for ever
    await connector.close()


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "3", "x-business-use-case-usage": USAGE % ("1", 7)}, 3.0),
        ({"x-business-use-case-usage": USAGE % ("1", 7)}, 420.0),
        ({"x-business-use-case-usage": USAGE % ("1", 10**9)}, LONGEST),
        ({"x-business-use-case-usage": USAGE % ("1", 0)}, None),
        ({"x-business-use-case-usage": USAGE % ("1", "null")}, None),
        ({"x-business-use-case-usage": '{"1": [], "2": 3}'}, None),
        ({"x-business-use-case-usage": "<html>"}, None),
        ({}, None),
    ],
)
def test_a_limit_is_waited_for_as_long_as_facebook_estimates(headers: dict[str, str], wait: float | None) -> None:
    assert regain_wait(httpx2.Headers(headers), datetime(2026, 11, 22, tzinfo=UTC)) == wait

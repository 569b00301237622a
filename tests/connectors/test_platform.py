"""The platform over HTTP: pages that are published once, and their metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from connectors.platform import Page, PageMetrics, Platform
from connectors.platform_http import HttpPlatform
from streams.core.calls import Accepted, Deferred, Rejected, Unknown
from tests.imitations import Behaviour, Stage, dropping, failing, hanging, slow, throttling
from tests.imitations.keyed import API_KEY
from tests.imitations.platform import PlatformImitation

PAGE = Page(
    content_id="content-1",
    title="Breathe",
    slug="breathe",
    content="<p>In, out.</p>",
    category="updates",
    tags=("hrv",),
    author="Ada",
    seo_metadata={"meta_description": "In, out."},
)
OUTPUT = {
    "url": "https://acme.example/updates/breathe",
    "status": "published",
    "version": 1,
    "published_at": "2026-11-22T10:30:00+00:00",
}


@pytest.fixture(scope="module")
def running() -> Iterator[PlatformImitation]:
    with PlatformImitation() as imitation:
        yield imitation


@pytest.fixture
def server(running: PlatformImitation) -> PlatformImitation:
    running.begin_anew()
    return running


@pytest.fixture
async def platform(server: PlatformImitation) -> AsyncIterator[Platform]:
    client = HttpPlatform(server.url, API_KEY, timeout_seconds=5.0)
    yield client
    await client.close()


@pytest.fixture
async def impatient(server: PlatformImitation) -> AsyncIterator[Platform]:
    client = HttpPlatform(server.url, API_KEY, timeout_seconds=0.3)
    yield client
    await client.close()


async def test_a_page_is_published_as_the_format_says(platform: Platform, server: PlatformImitation) -> None:
    assert await platform.publish(PAGE, "content-1") == Accepted("page-content-1", OUTPUT)
    [received] = server.journal.received
    assert received.content == {
        "content_id": "content-1",
        "title": "Breathe",
        "slug": "breathe",
        "content": "<p>In, out.</p>",
        "category": "updates",
        "tags": ["hrv"],
        "author": "Ada",
        "seo_metadata": {"meta_description": "In, out."},
        "status": "published",
    }
    assert received.headers["idempotency-key"] == "content-1"
    assert received.headers["authorization"] == f"Bearer {API_KEY}"


@pytest.mark.parametrize(
    "behaviour",
    [
        hanging(),
        slow(1.0),
        dropping(recorded=True),
        dropping(recorded=False),
        failing(500, recorded=True),
        failing(504, recorded=True),
    ],
)
async def test_a_page_without_an_answer_is_settled_under_the_same_key(
    impatient: Platform, server: PlatformImitation, behaviour: Behaviour
) -> None:
    assert HttpPlatform.idempotent
    server.behave(behaviour)
    assert isinstance(await impatient.publish(PAGE, "content-1"), Unknown)
    assert await asyncio.wait_for(_answered(impatient), 10) == Accepted("page-content-1", OUTPUT)
    assert server.journal.counts == {"content-1": 1}


async def _answered(platform: Platform) -> object:
    while isinstance(verdict := await platform.publish(PAGE, "content-1"), Deferred):
        pass
    return verdict


async def test_throttled_refused_and_unauthorized_pages_say_so(platform: Platform, server: PlatformImitation) -> None:
    server.behave(throttling("3", "rate_limited"), failing(503), failing(422, "bad_category", text="No such category"))
    assert await platform.publish(PAGE, "key") == Deferred("rate_limited", "the imitation was told to fail", 3.0)
    assert isinstance(await platform.publish(PAGE, "key"), Deferred)
    assert await platform.publish(PAGE, "key") == Rejected("bad_category", "No such category")
    stranger = HttpPlatform(server.url, "wrong-key")
    assert await stranger.publish(PAGE, "key") == Rejected("credentials", "The API key is not valid")
    await stranger.close()


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (
            b'{"content_id": "c-1"}',
            Accepted("c-1", {"url": None, "status": None, "version": None, "published_at": None}),
        ),
        (
            b'{"id": 7, "url": 3, "version": "2", "published_at": "soon"}',
            Accepted("7", {"url": None, "status": None, "version": 2, "published_at": None}),
        ),
        (b"", Unknown("the platform answered 200 without naming the page")),
        (b"[]", Unknown("the platform answered 200 without naming the page")),
    ],
)
async def test_a_success_names_the_page_and_may_lack_the_rest(
    answering: Callable[..., str], content: bytes, verdict: Accepted | Unknown
) -> None:
    platform = HttpPlatform(answering(200, content), API_KEY)
    assert await platform.publish(PAGE, "key") == verdict
    await platform.close()


async def test_metrics_are_those_that_the_platform_counts(platform: Platform, server: PlatformImitation) -> None:
    await platform.publish(PAGE, "content-1")
    assert await platform.metrics("page-content-1") == PageMetrics(1500, 1200, 5.5, 45.0, 25, 10)
    server.metrics = {"views": -1, "shares": "many", "comments": 3}
    assert await platform.metrics("page-content-1") == PageMetrics(comments=3)
    assert await platform.metrics("page/../x") == Rejected("http_404", "the platform answered 404")
    assert await platform.metrics("page-other") == Rejected("not_found", "There is no such page")


@pytest.mark.parametrize(
    "behaviour",
    [throttling("17", stage=Stage.LIST), failing(500, stage=Stage.LIST), hanging(stage=Stage.LIST)],
)
async def test_metrics_that_cannot_be_read_now_are_asked_for_again(
    impatient: Platform, server: PlatformImitation, behaviour: Behaviour
) -> None:
    await impatient.publish(PAGE, "content-1")
    server.behave(behaviour)
    assert isinstance(await impatient.metrics("page-content-1"), Deferred)
    assert isinstance(await impatient.metrics("page-content-1"), PageMetrics)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"content_id": "c-1"}'])
async def test_another_answer_than_metrics_is_asked_for_again(answering: Callable[..., str], content: bytes) -> None:
    platform = HttpPlatform(answering(200, content), API_KEY)
    assert isinstance(await platform.metrics("c-1"), Deferred)
    await platform.close()


async def test_health_is_what_the_platform_answers_for_it(
    platform: Platform, server: PlatformImitation, nobody_there: int
) -> None:
    assert await platform.healthy()
    server.behave(failing(500, stage=Stage.LIST))
    assert not await platform.healthy()
    away = HttpPlatform(f"http://127.0.0.1:{nobody_there}", API_KEY)
    assert not await away.healthy()
    assert isinstance(await away.publish(PAGE, "key"), Deferred)
    await away.close()

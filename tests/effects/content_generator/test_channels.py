"""Pages and posts: exactly what is pinned, once it is there; in a test nothing leaves."""

from __future__ import annotations

from typing import Any

import pytest

from commands.content_generator.effects import ComposeContent, FindPost, Publish, PublishPost, ReadMetrics
from commands.content_generator.publication import WantedStatus
from connectors.platform import PageMetrics
from connectors.social import SocialNetworks
from domain.calls.social_post import Network
from domain.content_generator.composed import Composed, ComposedPage, ComposedPost, SeoMetadata
from domain.content_generator.kinds import Channel
from effects.content_generator.pages import MetricsReading, PagePublication
from effects.content_generator.posts import PinnedPosts, PostPublication, PostSearch
from effects.lookup import AWAY, BEHIND
from streams.core.calls import Accepted, Deferred, Finding, Listed, Rejected, Unknown, Verdict
from tests.effects.content_generator.providers import NOWHERE, NotingNetwork, NotingPlatform, performed
from tests.projections.content_generator.examples import ROOT, page, sync
from tests.projections.content_generator.running import NOW, Running

COMPOSED = Composed(
    template="plain@1",
    web=ComposedPage(
        title="News",
        html="<p>News</p>",
        tags=("a",),
        seo_metadata=SeoMetadata(meta_description="d", keywords=("k",), og_title="News"),
    ),
    social=(ComposedPost(platform=Network.TWITTER, content="Breathe", hashtags=("#calm",)),),
)
OF_JOB = Publish(content_id="content-of-job", root=ROOT, test_mode=False)
OF_PAGE = Publish(content_id="content-1", root=None, test_mode=False)
POST = PublishPost(post_id="post-1", root=ROOT, network=Network.TWITTER, test_mode=False)
FIND = FindPost(post_id="post-1", root=ROOT, network=Network.TWITTER, since=NOW)


async def pinned(world: Running) -> None:
    """A job whose content is pinned, and a page of its own."""
    content: dict[str, Any] = COMPOSED.model_dump(mode="json")
    world.providers[ComposeContent].verdicts.append(Accepted("plain@1", content))
    await world.finish(sync(Channel.TWITTER), page(WantedStatus.DRAFT))


def networks(network: NotingNetwork) -> SocialNetworks:
    return SocialNetworks(dict.fromkeys(Network, network))


def posting(dsn: str, network: NotingNetwork, tests: NotingNetwork | None = None) -> PostPublication:
    return PostPublication(PinnedPosts(dsn), networks(network), networks(tests or NotingNetwork()))


def searching(dsn: str, network: NotingNetwork, tests: NotingNetwork | None = None) -> PostSearch:
    return PostSearch(PinnedPosts(dsn), networks(network), networks(tests or NotingNetwork()))


async def test_a_jobs_page_is_the_pinned_one_under_its_content_id(world: Running, database: str) -> None:
    await pinned(world)
    platform = NotingPlatform()
    verdict = await performed(PagePublication(database, platform, NotingPlatform()), OF_JOB)
    assert verdict == Accepted("page-1", {"url": "/updates/news"})
    ((sent, key),) = platform.published
    assert (key, sent.slug, sent.category, sent.content) == ("content-of-job",) * 2 + ("updates", "<p>News</p>")
    assert sent.seo_metadata == {"meta_description": "d", "keywords": ["k"], "og_title": "News"}


async def test_a_page_of_its_own_is_what_the_request_gave(world: Running, database: str) -> None:
    await pinned(world)
    platform = NotingPlatform()
    await performed(PagePublication(database, platform, NotingPlatform()), OF_PAGE)
    ((sent, key),) = platform.published
    assert (key, sent.title, sent.category, sent.author) == ("content-1", "News", "blog", "Ana")
    assert sent.seo_metadata == {"meta_description": "d"}


async def test_a_test_publishes_and_posts_nowhere_but_in_the_outbox(world: Running, database: str) -> None:
    await pinned(world)
    platform, network = (NotingPlatform(), NotingPlatform()), (NotingNetwork(), NotingNetwork())
    await performed(PagePublication(database, *platform), OF_JOB.model_copy(update={"test_mode": True}))
    await performed(posting(database, *network), POST.model_copy(update={"test_mode": True}))
    assert [len(one.published) for one in platform] == [0, 1]
    await performed(searching(database, *network), FIND.model_copy(update={"test_mode": True}))
    assert [(len(one.posted), len(one.looked)) for one in network] == [(0, 0), (1, 1)]


async def test_content_that_no_read_model_has_yet_is_waited_for(world: Running, database: str) -> None:
    platform, network = NotingPlatform(), NotingNetwork()
    for publish in (OF_JOB, OF_PAGE):
        assert await performed(PagePublication(database, platform, platform), publish) == BEHIND
    assert await performed(posting(database, network), POST) == BEHIND
    assert await performed(searching(database, network), FIND) == BEHIND
    assert (platform.published, network.posted, network.looked) == ([], [], [])


async def test_a_database_that_is_away_puts_pages_and_posts_off() -> None:
    platform, network = NotingPlatform(), NotingNetwork()
    assert await performed(PagePublication(NOWHERE, platform, platform), OF_JOB) == AWAY
    assert await performed(posting(NOWHERE, network), POST) == AWAY
    assert (platform.published, network.posted) == ([], [])


async def test_a_post_is_the_pinned_text_with_its_hashtags(world: Running, database: str) -> None:
    await pinned(world)
    network = NotingNetwork()
    await performed(posting(database, network), POST, "post-1")
    ((post, key),) = network.posted
    assert (post.text, post.reference, key) == ("Breathe\n\n#calm", "post-1", "post-1")


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (Listed(()), Accepted("post-1", {"found": False})),
        (
            Listed(("17",)),
            Accepted("17", {"found": True, "provider_id": "17", "url": "https://x.com/i/web/status/17"}),
        ),
        (Unknown("cut"), Rejected("unreadable", "cut")),
        (Deferred("busy", "later", 9.0), Deferred("busy", "later", 9.0)),
    ],
)
async def test_a_search_says_what_the_accounts_own_posts_show(
    world: Running, database: str, finding: Finding, verdict: Verdict
) -> None:
    await pinned(world)
    network = NotingNetwork(finding)
    assert await performed(searching(database, network), FIND) == verdict
    assert [(post.text, since) for post, since in network.looked] == [("Breathe\n\n#calm", NOW)]


async def test_figures_that_the_platform_does_not_tell_are_none() -> None:
    effect = ReadMetrics(content_id="content-1", provider_id="page-1")
    verdict = await performed(MetricsReading(NotingPlatform(PageMetrics(views=7))), effect)
    assert isinstance(verdict, Accepted)
    assert (verdict.output or {})["views"] == 7
    assert (verdict.output or {})["shares"] == 0
    away = Deferred("busy", "later")
    assert await performed(MetricsReading(NotingPlatform(away)), effect) == away

"""What is LinkedIn's own: little text, versions, and posts that most applications may not read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.linkedin import LinkedInPosts
from connectors.little_text import little_text, plain_text
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Listed, Rejected, Unknown
from tests.imitations.linkedin import ACCESS_TOKEN, AUTHOR, VERSION, LinkedInImitation, seen

MakePost = Callable[..., SocialPost]


@pytest.fixture(scope="module")
def server() -> Iterator[LinkedInImitation]:
    with LinkedInImitation() as imitation:
        yield imitation


@pytest.fixture
def linkedin(server: LinkedInImitation) -> LinkedInImitation:
    server.begin_anew()
    return server


@pytest.fixture
async def post(linkedin: LinkedInImitation) -> AsyncIterator[LinkedInPosts]:
    connector = LinkedInPosts(ACCESS_TOKEN, AUTHOR, VERSION, linkedin.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


async def test_the_request_is_as_linkedin_documents_it(
    post: LinkedInPosts, linkedin: LinkedInImitation, a_post: MakePost
) -> None:
    verdict = await post(a_post("Breathe (in) #HRV"), "key-1")
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id == f"urn:li:share:{linkedin.posts[0].id}"
    [received] = linkedin.journal.received
    assert received.content == {
        "author": AUTHOR,
        "commentary": "Breathe \\(in\\) {hashtag|\\#|HRV}",
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    assert received.headers["x-restli-protocol-version"] == "2.0.0"
    assert received.headers["linkedin-version"] == VERSION


async def test_a_version_that_has_ended_is_a_refusal(linkedin: LinkedInImitation, a_post: MakePost) -> None:
    connector = LinkedInPosts(ACCESS_TOKEN, AUTHOR, "202401", linkedin.url, timeout_seconds=5.0)
    verdict = await connector(a_post(), "key-1")
    assert verdict == Rejected("NONEXISTENT_VERSION", "Requested version 202401 is not active")
    await connector.close()


async def test_a_persons_posts_cannot_be_looked_up(
    post: LinkedInPosts, linkedin: LinkedInImitation, a_post: MakePost
) -> None:
    linkedin.readable = False
    found = await post.find(a_post(), datetime.now(UTC))
    assert isinstance(found, Unknown)
    assert found.reason.startswith("LinkedIn does not let this account's posts be read: ")


@pytest.mark.parametrize("state", ["DRAFT", "PUBLISH_FAILED"])
async def test_what_is_not_published_is_not_found(a_post: MakePost, answering: Callable[..., str], state: str) -> None:
    at = int(datetime.now(UTC).timestamp() * 1000)
    body = '{"elements": [{"id": "urn:li:share:1", "commentary": "%s", "createdAt": %d, "lifecycleState": "%s"}]}'
    for shown, found in ((state, Listed()), ("PUBLISHED", Listed(("urn:li:share:1",)))):
        connector = LinkedInPosts(
            ACCESS_TOKEN, AUTHOR, VERSION, answering(200, (body % (a_post().text, at, shown)).encode())
        )
        assert await connector.find(a_post(), datetime.now(UTC)) == found
        await connector.close()


@pytest.mark.parametrize(
    ("text", "little"),
    [
        ("plain words, 50 %", "plain words, 50 %"),
        ("a|b {c} @d [e] (f) <g> *h* i_j ~k \\l", r"a\|b \{c\} \@d \[e\] \(f\) \<g\> \*h\* i\_j \~k \\l"),
        ("#HRV", r"{hashtag|\#|HRV}"),
        ("so: #HRV, #größe and #a_b.", r"so: {hashtag|\#|HRV}, {hashtag|\#|größe} and {hashtag|\#|a\_b}."),
        ("C# and #1 and a#b and https://a.example/#b", r"C\# and \#1 and a\#b and https://a.example/\#b"),
        ("##a #", r"\#\#a \#"),
    ],
)
def test_reserved_characters_are_escaped_and_hashtags_are_templates(text: str, little: str) -> None:
    assert little_text(text) == little


@pytest.mark.parametrize(
    ("little", "text"),
    [
        ("#HRV plain", "#HRV plain"),
        ("{hashtag|#|HRV} and {hashtag|\\#|a\\_b}", "#HRV and #a_b"),
        ("Hello @[Ada \\(Acme\\)](urn:li:person:1)!", "Hello Ada (Acme)!"),
        (r"\{hashtag|\\#|x\}", "{hashtag|\\#|x}"),
        ("ends with \\", "ends with \\"),
    ],
)
def test_little_text_is_read_as_its_readers_see_it(little: str, text: str) -> None:
    assert plain_text(little) == text


LETTERS = st.text(st.sampled_from("ab1_ #\\|{}@[]()<>*~\n/:\u00e9") | st.characters(codec="utf-8"))


@given(LETTERS)
def test_whatever_the_text_linkedin_shows_it_whole_and_it_is_read_back(text: str) -> None:
    assert seen(little_text(text)) == text
    assert plain_text(little_text(text)) == text

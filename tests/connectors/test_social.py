"""Posts on every social network: what each failure says, and what a look-up finds afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import pytest

from connectors.facebook import FacebookPosts
from connectors.linkedin import LinkedInPosts
from connectors.x import XPosts
from domain.calls.social_post import Network, SocialPost
from streams.core.calls import Accepted, Deferred, Finding, Listed, Rejected, Traceable, Unknown, Verdict
from tests.imitations import Behaviour, Stage, dropping, failing, hanging, slow, throttling
from tests.imitations import facebook as facebook_imitation
from tests.imitations import linkedin as linkedin_imitation
from tests.imitations import x as x_imitation
from tests.imitations.social import SocialImitation

MakePost = Callable[..., SocialPost]


class Poster(Protocol):
    """A connector that posts, and finds posts again."""

    async def __call__(self, effect: SocialPost, key: str) -> Verdict: ...

    async def find(self, effect: SocialPost, since: datetime) -> Finding: ...

    async def close(self) -> None: ...


class Case(NamedTuple):
    """A network: its imitation, and its connector at an address, with a token."""

    imitation: type[SocialImitation]
    token: str
    connector: Callable[[str, str, float], Poster]


CASES = {
    Network.TWITTER: Case(
        x_imitation.XImitation, x_imitation.ACCESS_TOKEN, lambda url, token, seconds: XPosts(token, url, seconds)
    ),
    Network.LINKEDIN: Case(
        linkedin_imitation.LinkedInImitation,
        linkedin_imitation.ACCESS_TOKEN,
        lambda url, token, seconds: LinkedInPosts(
            token, linkedin_imitation.AUTHOR, linkedin_imitation.VERSION, url, seconds
        ),
    ),
    Network.FACEBOOK: Case(
        facebook_imitation.FacebookImitation,
        facebook_imitation.ACCESS_TOKEN,
        lambda url, token, seconds: FacebookPosts(token, facebook_imitation.PAGE_ID, url, seconds),
    ),
}


@pytest.fixture(params=list(Network))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[type[SocialImitation], SocialImitation]]:
    with ExitStack() as running:
        yield {case.imitation: running.enter_context(case.imitation()) for case in CASES.values()}


@pytest.fixture
def network(case: Case, servers: dict[type[SocialImitation], SocialImitation]) -> SocialImitation:
    imitation = servers[case.imitation]
    imitation.begin_anew()
    return imitation


@pytest.fixture
async def post(case: Case, network: SocialImitation) -> AsyncIterator[Poster]:
    connector = case.connector(network.url, case.token, 5.0)
    yield connector
    await connector.close()


@pytest.fixture
async def impatient(case: Case, network: SocialImitation) -> AsyncIterator[Poster]:
    connector = case.connector(network.url, case.token, 0.3)
    yield connector
    await connector.close()


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_post_that_is_taken_is_named_and_has_an_address(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    verdict = await post(a_post(), "key-1")
    assert isinstance(verdict, Accepted)
    assert str(network.posts[0].id) in verdict.provider_id
    assert verdict.output is not None
    assert verdict.output["url"].startswith("https://")
    assert verdict.provider_id in verdict.output["url"]
    assert [one.text for one in network.posts] == [a_post().text]


def test_every_network_can_be_asked(post: Poster) -> None:
    assert isinstance(post, Traceable)


async def test_a_text_of_many_letters_is_posted_as_it_is_and_found_again(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    text = "Tip (1 of 3): <in> & [out] \u2013 4_7_8 *slowly* @home {soft} ~ a|b \\o/\n\n#Breathwork #HRV2 50% C#"
    assert await post.find(a_post(text), now()) == Listed()
    verdict = await post(a_post(text), "key-1")
    assert isinstance(verdict, Accepted)
    assert network.posts[0].text == text
    assert await post.find(a_post(text), now()) == Listed((verdict.provider_id,))


@pytest.mark.parametrize(
    "behaviour",
    [hanging(), dropping(recorded=True), slow(1.0), failing(502, recorded=True), failing(504), failing(524)],
)
async def test_a_post_without_an_answer_of_the_network_is_unknown_and_no_look_up_disproves_it(
    impatient: Poster, network: SocialImitation, a_post: MakePost, behaviour: Behaviour
) -> None:
    network.behave(behaviour)
    verdict = await impatient(a_post(), "key-1")
    assert isinstance(verdict, Unknown)
    assert verdict.output is None


@pytest.mark.parametrize("status", [500, 501, 507])
async def test_an_exchange_that_ended_with_the_networks_own_failure_is_over(
    post: Poster, network: SocialImitation, a_post: MakePost, status: int
) -> None:
    network.behave(failing(status))
    verdict = await post(a_post(), "key-1")
    assert isinstance(verdict, Unknown)
    assert verdict.output == {"answered": True}


@pytest.mark.parametrize(
    "behaviour", [dropping(recorded=True), failing(500, recorded=True), failing(502, recorded=True)]
)
async def test_a_post_that_appeared_without_a_usable_answer_is_found(
    post: Poster, network: SocialImitation, a_post: MakePost, behaviour: Behaviour
) -> None:
    before = now()
    network.behave(behaviour)
    assert isinstance(await post(a_post(), "key-1"), Unknown)
    found = await post.find(a_post(), before)
    assert isinstance(found, Listed)
    [provider_id] = found.provider_ids
    assert str(network.posts[0].id) in provider_id
    assert await post.find(a_post("Other words"), before) == Listed()


async def test_a_post_that_did_not_appear_is_not_found(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    network.behave(dropping(recorded=False))
    assert isinstance(await post(a_post(), "key-1"), Unknown)
    assert await post.find(a_post(), now()) == Listed()


async def test_a_post_that_is_listed_late_is_found_later(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    await post(a_post(), "key-1")
    network.unlisted = 1
    assert await post.find(a_post(), now()) == Listed()
    found = await post.find(a_post(), now())
    assert isinstance(found, Listed)
    assert len(found.provider_ids) == 1


async def test_a_duplicate_may_be_our_own_and_a_look_up_tells(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    before = now()
    network.behave(dropping(recorded=True))
    assert isinstance(await post(a_post(), "key-1"), Unknown)
    verdict = await post(a_post(), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "duplicate"
    assert len(network.posts) == 1
    assert isinstance(await post.find(a_post(), before), Listed)


async def test_a_post_of_the_same_words_from_before_is_another_one(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    await post(a_post(), "key-1")
    network.posts[0].made_at = now() - timedelta(hours=1)
    assert await post.find(a_post(), now()) == Listed()


async def test_every_page_is_read_and_the_oldest_comes_first(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    before = now()
    await post(a_post(), "key-1")
    first = network.posts[0]
    network.posts = [
        type(first)(first.id + number, first.text if number in (0, 60, 119) else f"Text {number}", first.made_at)
        for number in range(120)
    ]
    for number, one in enumerate(network.posts):
        one.made_at = before + timedelta(seconds=number)
    found = await post.find(a_post(), before)
    assert isinstance(found, Listed)
    assert [int(one.rpartition("_")[2].rpartition(":")[2]) - first.id for one in found.provider_ids] == [0, 60, 119]


async def test_a_list_that_goes_on_and_on_tells_nothing(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    await post(a_post(), "key-1")
    first = network.posts[0]
    network.posts = [type(first)(first.id + number, f"Text {number}", now()) for number in range(600)]
    assert isinstance(await post.find(a_post(), now()), Unknown)


async def test_too_many_requests_and_unavailable_services_are_deferred_for_as_long_as_they_say(
    post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    network.behave(throttling("17"), failing(503, headers={"Retry-After": "4"}), failing(503))
    verdicts = [await post(a_post(), "key-1") for _ in range(3)]
    assert [verdict.after for verdict in verdicts if isinstance(verdict, Deferred)] == [17.0, 4.0, None]
    assert network.posts == []
    assert isinstance(await post(a_post(), "key-1"), Accepted)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_a_refusal_is_final_and_says_the_networks_own_words(
    post: Poster, network: SocialImitation, a_post: MakePost, status: int
) -> None:
    network.behave(failing(status, text="This application may not post\x07 here."))
    verdict = await post(a_post(), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "This application may not post  here."
    assert verdict.code != "credentials"


async def test_a_wrong_token_is_refused_as_credentials_and_shown_nowhere(
    case: Case, network: SocialImitation, a_post: MakePost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = case.connector(network.url, "wrong-token", 5.0)
    verdict = await connector(a_post(), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"
    assert isinstance(await connector.find(a_post(), now()), Unknown)
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    assert "wrong-token" not in " ".join(f"{record.getMessage()} {record.args}" for record in ours)
    assert "wrong-token" not in repr(connector)
    await connector.close()


async def test_a_sentence_that_quotes_the_token_is_recorded_without_it(
    case: Case, post: Poster, network: SocialImitation, a_post: MakePost
) -> None:
    network.behave(failing(400, text=f"The token {case.token} may not"))
    assert await post(a_post(), "key-1") == Rejected(_code_of(network), "The token [key] may not")


def _code_of(network: SocialImitation) -> str:
    return {"x": "http_400", "linkedin": "INTERNAL_SERVER_ERROR", "facebook": "100"}[network.network]


async def test_a_network_that_cannot_be_reached_defers_for_nothing_has_left(
    case: Case, nobody_there: int, a_post: MakePost
) -> None:
    connector = case.connector(f"http://127.0.0.1:{nobody_there}", case.token, 5.0)
    assert isinstance(await connector(a_post(), "key-1"), Deferred)
    assert isinstance(await connector.find(a_post(), now()), Deferred)
    await connector.close()


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"data": {"id": null}, "id": []}', b"\xff"])
async def test_a_success_that_names_no_post_is_unknown_and_no_look_up_disproves_it(
    case: Case, a_post: MakePost, answering: Callable[..., str], content: bytes
) -> None:
    connector = case.connector(answering(201, content), case.token, 5.0)
    verdict = await connector(a_post(), "key-1")
    assert isinstance(verdict, Unknown)
    assert verdict.output is None
    await connector.close()


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b'{"data": {"id": "7"}}',
        b'{"data": {"id": "7"}, "elements": [{"commentary": "x"}]}',
        b'{"data": [{"id": "7"}], "elements": [{"id": "7"}]}',
    ],
)
async def test_a_list_that_cannot_be_read_is_no_evidence(
    case: Case, a_post: MakePost, answering: Callable[..., str], content: bytes
) -> None:
    connector = case.connector(answering(200, content), case.token, 5.0)
    assert isinstance(await connector.find(a_post(), now()), Unknown)
    await connector.close()


@pytest.mark.parametrize("content", [b"", b"<html>"])
async def test_a_list_without_json_is_asked_for_again(
    case: Case, a_post: MakePost, answering: Callable[..., str], content: bytes
) -> None:
    connector = case.connector(answering(200, content), case.token, 5.0)
    assert isinstance(await connector.find(a_post(), now()), Deferred)
    await connector.close()


@pytest.mark.parametrize(
    "behaviour",
    [
        throttling("17", stage=Stage.LIST),
        failing(500, stage=Stage.LIST),
        failing(502, stage=Stage.LIST),
        hanging(stage=Stage.LIST),
        dropping(recorded=False, stage=Stage.LIST),
    ],
)
async def test_a_list_that_cannot_be_read_now_is_asked_for_again(
    impatient: Poster, network: SocialImitation, a_post: MakePost, behaviour: Behaviour
) -> None:
    network.behave(behaviour)
    found = await impatient.find(a_post(), now())
    assert isinstance(found, Deferred)
    assert found.after == (17.0 if behaviour.headers else None)
    assert await impatient.find(a_post(), now()) == Listed()


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_posts_that_may_not_be_read_tell_nothing(
    post: Poster, network: SocialImitation, a_post: MakePost, status: int
) -> None:
    network.behave(failing(status, stage=Stage.LIST))
    assert isinstance(await post.find(a_post(), now()), Unknown)


async def test_an_answer_that_never_ends_is_given_up_as_unknown(case: Case, dripping: int, a_post: MakePost) -> None:
    connector = case.connector(f"http://127.0.0.1:{dripping}", case.token, 0.2)
    assert isinstance(await asyncio.wait_for(connector(a_post(), "key-1"), 10), Unknown)
    await connector.close()

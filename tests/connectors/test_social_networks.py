"""The choice of a network's connector, and the public addresses of posts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from connectors.social import SocialNetworks, post_url
from domain.calls.social_post import Network, SocialPost
from streams.core.calls import Accepted, Finding, Listed, Unknown, Verdict

MakePost = Callable[..., SocialPost]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class _Remembering:
    """A connector that says where it was called."""

    provider = "remembering"
    idempotent = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = False

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        return Accepted(f"{self.name}/{key}")

    async def close(self) -> None:
        self.closed = True


class _Tracing(_Remembering):
    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        return Listed((self.name,))


async def test_a_post_goes_to_the_connector_of_its_network(a_post: MakePost) -> None:
    connectors = {
        Network.TWITTER: _Tracing("x"),
        Network.LINKEDIN: _Tracing("linkedin"),
        Network.FACEBOOK: _Remembering("facebook"),
    }
    networks = SocialNetworks(connectors)
    for network, connector in connectors.items():
        assert await networks(a_post(network=network), "key-1") == Accepted(f"{connector.name}/key-1")
        assert networks.provider_of(network) == "remembering"
    assert await networks.find(a_post(network=Network.LINKEDIN), NOW) == Listed(("linkedin",))
    assert isinstance(await networks.find(a_post(network=Network.FACEBOOK), NOW), Unknown)
    await networks.close()
    assert all(connector.closed for connector in connectors.values())


def test_a_post_has_its_networks_address_and_one_in_the_outbox_has_none() -> None:
    assert post_url(Network.TWITTER, "17") == "https://x.com/i/web/status/17"
    assert post_url(Network.LINKEDIN, "urn:li:share:17") == "https://www.linkedin.com/feed/update/urn:li:share:17"
    assert post_url(Network.FACEBOOK, "1_17") == "https://www.facebook.com/1_17"
    assert post_url(Network.FACEBOOK, "../x?y") == "https://www.facebook.com/..%2Fx%3Fy"
    assert post_url(Network.TWITTER, "sandbox-key-1") is None

"""The port of social networks: a connector for each, chosen by the post's network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from connectors import facebook, linkedin, x
from connectors.sandbox import SANDBOX_ID
from domain.calls.social_post import Network, SocialPost
from streams.core.calls import Connector, Finding, Verdict, find

_URLS = {Network.TWITTER: x.url_of, Network.LINKEDIN: linkedin.url_of, Network.FACEBOOK: facebook.url_of}


class SocialNetworks:
    """The connector that hands each post to the connector of its network.

    Unknown says whether it is evidence when a look-up finds nothing: it is where `output` has `answered`, as then the
    exchange with the network is over. Rejections: `credentials`; `duplicate`, where the network has this text already,
    perhaps from us; else the network's own code.
    """

    provider = "social"
    idempotent = False

    def __init__(self, connectors: Mapping[Network, Connector[SocialPost]]) -> None:
        self._connectors = connectors

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        return await self._connectors[effect.network](effect, key)

    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        """The network's own look-up; Unknown where its connector has none."""
        return await find(self._connectors[effect.network], effect, since)

    async def close(self) -> None:
        await asyncio.gather(*(connector.close() for connector in self._connectors.values()))

    def provider_of(self, network: Network) -> str:
        """The provider that posts of this network go to; `sandbox` where none is configured."""
        return self._connectors[network].provider


def post_url(network: Network, provider_id: str) -> str | None:
    """The public address of a post that a look-up found; None for one of the sandbox."""
    return None if provider_id.startswith(SANDBOX_ID) else _URLS[network](provider_id)

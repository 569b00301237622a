"""A post to a social network, as an effect."""

from __future__ import annotations

from enum import StrEnum

from domain.messages import Effect


class Network(StrEnum):
    """Social networks, by the names that the surfaces use."""

    TWITTER = "twitter"
    LINKEDIN = "linkedin"
    FACEBOOK = "facebook"


class SocialPost(Effect, name="social_post.v1"):
    """One post by the configured account. `text` is complete, within the network's limit; `reference` is our own id.

    The accepted verdict's provider id is the network's id of the post, its `output` `{"url": …}`.
    """

    network: Network
    text: str
    reference: str

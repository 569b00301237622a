"""Posts to social networks, and the search for a post whose call had no answer.

The search is a process of its own (`commands.content_generator.post`), so the performer of posts is not traceable: the
engine would post again what it does not find, and networks show what they list only later.
"""

from __future__ import annotations

from commands.content_generator.effects import FindPost, PublishPost
from connectors.social import SocialNetworks, post_url
from domain.calls.social_post import SocialPost
from domain.content_generator.composed import Composed
from effects.lookup import BEHIND, read
from projections.content_generator.contents import Owner, pinned_content
from streams.core.calls import Accepted, Deferred, Listed, Rejected, Verdict
from streams.postgres.reads import Reads


class PinnedPosts:
    """Loads the pinned text of a post."""

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=2)

    async def load(self, effect: PublishPost | FindPost) -> SocialPost | Deferred:
        found = await read(self._reads, lambda c: pinned_content(c, Owner.JOB, effect.root))
        if isinstance(found, Deferred):
            return found
        post = None if found is None else Composed.model_validate(found.content).post(effect.network)
        if post is None:
            return BEHIND
        return SocialPost(network=effect.network, text=post.text, reference=effect.post_id)

    async def close(self) -> None:
        await self._reads.close()


class PostPublication:
    """Posts to a network; in test mode to `tests`."""

    provider = "social"
    idempotent = False

    def __init__(self, pinned: PinnedPosts, networks: SocialNetworks, tests: SocialNetworks) -> None:
        self._pinned = pinned
        self._networks = networks
        self._tests = tests

    async def __call__(self, effect: PublishPost, key: str) -> Verdict:
        post = await self._pinned.load(effect)
        if isinstance(post, Deferred):
            return post
        networks = self._tests if effect.test_mode else self._networks
        return await networks(post, key)

    async def close(self) -> None:
        await self._pinned.close()
        await self._networks.close()
        await self._tests.close()


class PostSearch:
    """Looks for a post among the account's own; for that of a test, where tests go."""

    provider = "social"
    idempotent = True

    def __init__(self, pinned: PinnedPosts, networks: SocialNetworks, tests: SocialNetworks) -> None:
        self._pinned = pinned
        self._networks = networks
        self._tests = tests

    async def __call__(self, effect: FindPost, key: str) -> Verdict:
        post = await self._pinned.load(effect)
        if isinstance(post, Deferred):
            return post
        networks = self._tests if effect.test_mode else self._networks
        finding = await networks.find(post, effect.since)
        if not isinstance(finding, Listed):
            return finding if isinstance(finding, Deferred) else Rejected("unreadable", finding.reason)
        if not finding.provider_ids:
            return Accepted(effect.post_id, {"found": False})
        id_ = finding.provider_ids[0]
        return Accepted(id_, {"found": True, "provider_id": id_, "url": post_url(effect.network, id_)})

    async def close(self) -> None:
        await self._pinned.close()
        await self._networks.close()
        await self._tests.close()

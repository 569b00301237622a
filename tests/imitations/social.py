"""What the imitations of social networks share: the posts of one account, newest first, and those not yet listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from tests.imitations import Behaviour, Imitation, Received, Stage, suffer


@dataclass
class Post:
    """A post as its readers see it."""

    id: int
    text: str
    made_at: datetime


class SocialImitation(Imitation):
    """Takes posts of one account; each that appears is recorded under the network's name.

    `unlisted` is the number of look-ups that do not show the latest post yet; `doubles` counts posts that came again.
    """

    network: ClassVar[str]

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.posts: list[Post] = []
        self.unlisted = 0
        self.doubles = 0

    def begin_anew(self) -> None:
        super().begin_anew()
        self.posts = []
        self.unlisted = 0
        self.doubles = 0

    def failed(self, behaviour: Behaviour) -> Response:
        """The network's own answer to a request that fails."""
        raise NotImplementedError

    def duplicate(self) -> Response:
        """The network's own answer to a text that it has already."""
        raise NotImplementedError

    async def take(
        self, request: Request, text: str, content: dict[str, Any], answer: Callable[[Post], Response]
    ) -> Response:
        """What becomes of one post."""
        if any(post.text == text for post in self.posts):
            self.doubles += 1
            return self.duplicate()
        behaviour = self.journal.following(self.network)
        post = Post(1_700_000_000_000_000_000 + len(self.posts), text, datetime.now(UTC))
        if behaviour.recorded:
            self.posts.append(post)
            self.journal.record(Received(to=self.network, content=content, headers=dict(request.headers)))
        await suffer(request, behaviour)
        return self.failed(behaviour) if behaviour.status else answer(post)

    async def listing(self, request: Request) -> Response | None:
        """The failure of a look-up, if it has one."""
        behaviour = self.journal.following(self.network, Stage.LIST)
        await suffer(request, behaviour)
        return self.failed(behaviour) if behaviour.status else None

    def newest_first(self) -> list[Post]:
        """The posts that are listed already."""
        shown = self.posts[:-1] if self.unlisted else self.posts
        self.unlisted = max(0, self.unlisted - 1)
        return sorted(shown, key=lambda post: post.made_at, reverse=True)

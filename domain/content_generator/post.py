"""A post to a social network: published once. An attempt without an answer is looked for before anything else.

Networks know no keys of repeats. So a post whose call was not answered is never simply made again: looks among the
account's own posts may find it; else it is unconfirmed, until a later look or a person says what became of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.calls.social_post import Network
from domain.messages import Event, Instant


class OfPost(Event):
    post_id: str
    tenant: str
    root: str
    run: int
    network: Network


class PostRequested(OfPost, name="content_generator.post.requested.v1"):
    """The post is made. `attempt` counts the calls from 1."""

    attempt: int
    test_mode: bool


class PostRetried(OfPost, name="content_generator.post.retried.v1"):
    """The post is made again, since the exchange was over and no look has found it."""

    attempt: int
    test_mode: bool


class PostUnanswered(OfPost, name="content_generator.post.unanswered.v1"):
    """A call had no usable answer. `answered`: the network answered with an error, so the exchange is over."""

    attempt: int
    answered: bool
    reason: str


class PostLookRequested(OfPost, name="content_generator.post.look_requested.v1"):
    """A look among the account's own posts, for one made since then."""

    look: int
    attempt: int
    since: Instant
    test_mode: bool = False


class PostNotSeen(OfPost, name="content_generator.post.not_seen.v1"):
    """A look without result. `certain`: the network showed its list, and the post is not in it."""

    look: int
    certain: bool


class PostPublished(OfPost, name="content_generator.post.published.v1"):
    """The network has the post. `look` is the one that found it; None for an answered call."""

    provider_id: str
    url: str | None
    look: int | None


class PostFailed(OfPost, name="content_generator.post.failed.v1"):
    code: str
    reason: str
    attempts: int


class PostUnconfirmed(OfPost, name="content_generator.post.unconfirmed.v1"):
    reason: str
    attempts: int


class PostResolved(OfPost, name="content_generator.post.resolved.v1"):
    """A person has looked. `delivered`: the post is there."""

    delivered: bool
    url: str | None
    resolved_by: str


PostEvent = (
    PostRequested
    | PostRetried
    | PostUnanswered
    | PostLookRequested
    | PostNotSeen
    | PostPublished
    | PostFailed
    | PostUnconfirmed
    | PostResolved
)


class PostPhase(StrEnum):
    """CALLING: a call is made. LOOKING: its fate is looked up."""

    ABSENT = "absent"
    CALLING = "calling"
    LOOKING = "looking"
    PUBLISHED = "published"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Post(BaseModel):
    """The state of a post. `absent` counts the looks after the last attempt that certainly did not find it.

    `called_at` is the time of the first call: what an earlier one made is as good, and a network that speaks of a
    duplicate may mean it.
    """

    model_config = ConfigDict(frozen=True)

    phase: PostPhase = PostPhase.ABSENT
    tenant: str = ""
    root: str = ""
    run: int = 0
    network: Network | None = None
    test_mode: bool = False
    attempts: int = 0
    tries: int = 0
    called_at: Instant | None = None
    answered: bool = False
    absent: int = 0
    looked: int = 0
    reason: str = ""
    published: PostPublished | None = None


def evolve(post: Post, event: PostEvent) -> Post:
    match event:
        case PostRequested() | PostRetried():
            return _called(post, event)
        case PostUnanswered():
            looking = {"phase": PostPhase.LOOKING, "answered": event.answered, "reason": event.reason}
            return post.model_copy(update=looking | {"absent": 0, "looked": 0})
        case PostLookRequested():
            return post
        case PostNotSeen():
            return post.model_copy(update={"looked": event.look, "absent": post.absent + event.certain})
        case PostPublished():
            return post.model_copy(update={"phase": PostPhase.PUBLISHED, "published": event, "run": event.run})
        case PostFailed():
            return post.model_copy(update={"phase": PostPhase.FAILED})
        case PostUnconfirmed():
            return post.model_copy(update={"phase": PostPhase.UNCONFIRMED, "run": event.run})
        case PostResolved():
            phase = PostPhase.PUBLISHED if event.delivered else PostPhase.FAILED
            return post.model_copy(update={"phase": phase})
        case _:
            assert_never(event)


def _called(post: Post, event: PostRequested | PostRetried) -> Post:
    called_at = post.called_at or event.at
    called = {"phase": PostPhase.CALLING, "attempts": event.attempt, "called_at": called_at, "run": event.run}
    about = {"tenant": event.tenant, "root": event.root, "network": event.network, "test_mode": event.test_mode}
    tries = post.tries + 1 if isinstance(event, PostRetried) else 1
    return post.model_copy(update=called | about | {"tries": tries})

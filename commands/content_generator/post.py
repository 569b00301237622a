"""Posts: calls, looks after calls without an answer, and a person's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from commands.content_generator.answers import output_of, text
from domain.calls.social_post import Network
from domain.content_generator.post import (
    Post,
    PostEvent,
    PostFailed,
    PostLookRequested,
    PostNotSeen,
    PostPhase,
    PostPublished,
    PostRequested,
    PostResolved,
    PostRetried,
    PostUnanswered,
    PostUnconfirmed,
    evolve,
)
from domain.messages import Attempt, Command, Instant, Refused, Reply, Result

LOOKS = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=30))
"""Times of the looks, from the call without an answer."""

LATE_LOOKS = (timedelta(minutes=5), timedelta(hours=1))
"""Times of further looks at an unconfirmed post, which may still confirm it."""

MOST_TRIES = 3
DUPLICATE = "duplicate"
"""A network's code for a post that it has already; it may be ours."""


class UnknownPost(Refused, name="content_generator.unknown_post"):
    """No post has this id. 404 not_found."""


class NotUnconfirmed(Refused, name="content_generator.not_unconfirmed"):
    """The fate of the post is known. 400 validation_error."""


class RequestPost(Command, name="content_generator.post.request.v1", key="post_id"):
    """Post what is pinned for the job.

    A later run tries a failed post again, and an unconfirmed one: that run holds it only by a person's word.
    """

    post_id: str
    tenant: str
    root: str
    run: int
    network: Network
    test_mode: bool


class RecordPost(Reply, name="content_generator.post.record.v1", key="post_id"):
    post_id: str
    number: int


class LookForPost(Command, name="content_generator.post.look.v1", key="post_id"):
    """Look for the post of a call, if its fate is still unknown. Looks count from 1; late ones follow the others."""

    post_id: str
    number: int
    look: int


class RecordLook(Reply, name="content_generator.post.record_look.v1", key="post_id"):
    post_id: str
    number: int
    look: int


class ResolvePost(Command, name="content_generator.post.resolve.v1", key="post_id"):
    """Say what became of an unconfirmed post."""

    post_id: str
    tenant: str
    delivered: bool
    url: str | None
    resolved_by: str


class _Fields(TypedDict):
    at: Instant
    post_id: str
    tenant: str
    root: str
    run: int
    network: Network


def _fields(command: RecordPost | LookForPost | RecordLook | ResolvePost, post: Post) -> _Fields:
    assert post.network is not None
    return {
        "at": command.at,
        "post_id": command.post_id,
        "tenant": post.tenant,
        "root": post.root,
        "run": post.run,
        "network": post.network,
    }


def request(command: RequestPost, post: Post) -> Sequence[PostEvent]:
    """An unconfirmed post is asked for again only by a person's word, which the job's retry has taken."""
    if post.phase is PostPhase.PUBLISHED and command.run > post.run and post.published is not None:
        return [post.published.model_copy(update={"at": command.at, "run": command.run})]
    absent = post.phase is PostPhase.ABSENT
    again = post.phase in (PostPhase.FAILED, PostPhase.UNCONFIRMED) and command.run > post.run
    if not absent and not again:
        return []
    return [PostRequested(**command.model_dump(), attempt=post.attempts + 1)]


def record(command: RecordPost, post: Post) -> Sequence[PostEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED or command.number != post.attempts:
        return []
    if post.phase is not PostPhase.CALLING:
        return []
    fields = _fields(command, post)
    match attempt.result:
        case Result.ACCEPTED:
            return [_published(fields, attempt, None)]
        case Result.REJECTED if attempt.code == DUPLICATE:
            return [PostUnanswered(**fields, attempt=command.number, answered=False, reason=attempt.reason)]
        case Result.REJECTED:
            code = attempt.code or "refused"
            return [PostFailed(**fields, code=code, reason=attempt.reason, attempts=post.attempts)]
        case _:
            answered = output_of(attempt).get("answered") is True
            return [PostUnanswered(**fields, attempt=command.number, answered=answered, reason=attempt.reason)]


def _published(fields: _Fields, attempt: Attempt, look: int | None) -> PostPublished:
    output = output_of(attempt)
    id_ = attempt.provider_id or text(output, "provider_id") or ""
    return PostPublished(**fields, provider_id=id_, url=text(output, "url"), look=look)


def look(command: LookForPost, post: Post) -> Sequence[PostEvent]:
    open_ = post.phase in (PostPhase.LOOKING, PostPhase.UNCONFIRMED)
    if not open_ or command.number != post.attempts or post.called_at is None:
        return []
    asked = PostLookRequested(
        **_fields(command, post),
        look=command.look,
        attempt=command.number,
        since=post.called_at,
        test_mode=post.test_mode,
    )
    return [asked]


def record_look(command: RecordLook, post: Post) -> Sequence[PostEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED or command.number != post.attempts:
        return []
    if post.phase not in (PostPhase.LOOKING, PostPhase.UNCONFIRMED) or command.look <= post.looked:
        return []
    fields = _fields(command, post)
    found = output_of(attempt).get("found") if attempt.result is Result.ACCEPTED else None
    if found is True:
        return [_published(fields, attempt, command.look)]
    not_seen = PostNotSeen(**fields, look=command.look, certain=found is False)
    return [not_seen, *_after_look(fields, command, evolve(post, not_seen))]


def _after_look(fields: _Fields, command: RecordLook, post: Post) -> Sequence[PostEvent]:
    """The last look decides: an exchange that was over, and a post that no look has shown, was not made."""
    if command.look != len(LOOKS) or post.phase is not PostPhase.LOOKING:
        return []
    if post.answered and post.absent == len(LOOKS):
        if post.tries < MOST_TRIES:
            return [PostRetried(**fields, attempt=post.attempts + 1, test_mode=post.test_mode)]
        return [PostFailed(**fields, code="server_error", reason=post.reason, attempts=post.attempts)]
    return [PostUnconfirmed(**fields, reason=post.reason, attempts=post.attempts)]


def resolve(command: ResolvePost, post: Post) -> Sequence[PostEvent]:
    if post.phase is PostPhase.ABSENT or command.tenant != post.tenant:
        raise UnknownPost("there is no such post")
    if post.phase is not PostPhase.UNCONFIRMED:
        raise NotUnconfirmed(f"only an unconfirmed post can be resolved; this one is {post.phase}")
    return [
        PostResolved(
            **_fields(command, post),
            delivered=command.delivered,
            url=command.url,
            resolved_by=command.resolved_by,
        )
    ]

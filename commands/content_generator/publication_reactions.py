"""The reactions to pages and posts: calls, looks, figures, and the answers to the job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from commands.content_generator.channel_outcome import ChannelOutcome, RecordChannel
from commands.content_generator.effects import FindPost, Publish, PublishPost, ReadMetrics
from commands.content_generator.notifications import page_webhook
from commands.content_generator.post import LATE_LOOKS, LOOKS, LookForPost, RecordLook, RecordPost
from commands.content_generator.publication import PublishScheduled, RecordMetrics, RecordPublication, RequestMetrics
from domain.content_generator.kinds import Channel
from domain.content_generator.looks import AGES
from domain.content_generator.post import (
    PostFailed,
    PostLookRequested,
    PostPublished,
    PostRequested,
    PostResolved,
    PostRetried,
    PostUnanswered,
    PostUnconfirmed,
)
from domain.content_generator.publication import (
    MetricsRequested,
    PublicationFailed,
    PublicationPublished,
    PublicationRequested,
    PublicationScheduled,
    PublicationUnconfirmed,
)
from domain.content_generator.sync_job import ChannelResult
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction


def react_to_page(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case PublicationScheduled() as scheduled:
            yield Later(scheduled.due_at, PublishScheduled(at=scheduled.at, content_id=scheduled.content_id))
        case PublicationRequested() as asked:
            publish = Publish(content_id=asked.content_id, root=asked.root, test_mode=asked.test_mode)
            yield Call(publish, RecordPublication(at=asked.at, content_id=asked.content_id, number=asked.attempt))
        case PublicationPublished() as published:
            yield from _page_answer(published, ChannelOutcome.DELIVERED, "published", published.url)
            if not published.again:
                yield Later(published.at, page_webhook(published, str(event.record.event_id)))
                yield _look(published, 0)
        case PublicationFailed() as failed:
            yield from _page_answer(failed, ChannelOutcome.FAILED, "failed", None)
        case PublicationUnconfirmed() as unconfirmed:
            yield from _page_answer(unconfirmed, ChannelOutcome.UNCONFIRMED, "unconfirmed", None)
        case MetricsRequested() as asked:
            read = ReadMetrics(content_id=asked.content_id, provider_id=asked.provider_id)
            yield Call(read, RecordMetrics(at=asked.at, content_id=asked.content_id))
            if asked.look is not None and asked.look + 1 < len(AGES):
                yield _look(asked, asked.look + 1)


def _look(event: PublicationPublished | MetricsRequested, look: int) -> Later:
    after = AGES[look] - (AGES[look - 1] if look else timedelta())
    return Later(event.at + after, RequestMetrics(at=event.at, content_id=event.content_id, look=look))


def _page_answer(
    event: PublicationPublished | PublicationFailed | PublicationUnconfirmed,
    outcome: ChannelOutcome,
    status: str,
    url: str | None,
) -> Iterator[Reaction]:
    if event.root is None:
        return
    code, reason, attempts = _why_page(event)
    answer = RecordChannel(
        at=event.at,
        root=event.root,
        run=event.run,
        channel=Channel.WEBSITE,
        outcome=outcome,
        result=ChannelResult(status=status, content_id=event.content_id, url=url),
        code=code,
        reason=reason,
        attempts=attempts,
    )
    yield Later(event.at, answer)


def _why_page(event: PublicationPublished | PublicationFailed | PublicationUnconfirmed) -> tuple[str, str, int]:
    match event:
        case PublicationFailed():
            return event.code, event.reason, event.attempts
        case PublicationUnconfirmed():
            return "unanswered", event.reason, event.attempts
        case PublicationPublished():
            return "", "", 1


def react_to_post(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case PostRequested() | PostRetried() as asked:
            publish = PublishPost(
                post_id=asked.post_id, root=asked.root, network=asked.network, test_mode=asked.test_mode
            )
            yield Call(publish, RecordPost(at=asked.at, post_id=asked.post_id, number=asked.attempt))
        case PostUnanswered() as lost:
            for look, after in enumerate(LOOKS, 1):
                yield Later(lost.at + after, _look_for(lost, lost.attempt, look))
        case PostLookRequested() as asked:
            find = FindPost(
                post_id=asked.post_id,
                root=asked.root,
                network=asked.network,
                since=asked.since,
                test_mode=asked.test_mode,
            )
            reply = RecordLook(at=asked.at, post_id=asked.post_id, number=asked.attempt, look=asked.look)
            yield Call(find, reply)
        case PostUnconfirmed() as lost:
            yield _post_answer(lost, ChannelOutcome.UNCONFIRMED)
            for look, after in enumerate(LATE_LOOKS, len(LOOKS) + 1):
                yield Later(lost.at + after, _look_for(lost, lost.attempts, look))
        case PostPublished() as published:
            yield _post_answer(published, ChannelOutcome.DELIVERED)
        case PostFailed() as failed:
            yield _post_answer(failed, ChannelOutcome.FAILED)
        case PostResolved() as resolved:
            yield _post_answer(resolved, ChannelOutcome.DELIVERED if resolved.delivered else ChannelOutcome.FAILED)


def _look_for(event: PostUnanswered | PostUnconfirmed, number: int, look: int) -> LookForPost:
    return LookForPost(at=event.at, post_id=event.post_id, number=number, look=look)


def _post_answer(event: PostPublished | PostFailed | PostUnconfirmed | PostResolved, outcome: ChannelOutcome) -> Later:
    status = "posted" if outcome is ChannelOutcome.DELIVERED else outcome.value
    url = event.url if isinstance(event, PostPublished | PostResolved) else None
    code, reason, attempts = _why(event)
    answer = RecordChannel(
        at=event.at,
        root=event.root,
        run=event.run,
        channel=Channel(event.network),
        outcome=outcome,
        result=ChannelResult(status=status, post_id=event.post_id, url=url),
        code=code,
        reason=reason,
        attempts=attempts,
    )
    return Later(event.at, answer)


def _why(event: PostPublished | PostFailed | PostUnconfirmed | PostResolved) -> tuple[str, str, int]:
    match event:
        case PostFailed():
            return event.code, event.reason, event.attempts
        case PostUnconfirmed():
            return "unanswered", event.reason, event.attempts
        case PostResolved(delivered=False):
            return "resolved", f"{event.resolved_by} looked, and the post is not there", 1
        case _:
            return "", "", 1

"""Stories of the content product: one job, campaign, page and post with their commands, events and answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from commands.content_generator.channel_outcome import ChannelOutcome, RecordChannel
from commands.content_generator.sync_job import RequestSyncJob, RetrySyncJob
from commands.content_generator.wiring import CONTENT_GENERATOR
from domain.calls.document import Source
from domain.content_generator.kinds import Channel, JobKind, Options, campaign_id, content_id
from domain.content_generator.sync_job import ChannelResult
from domain.messages import Attempt, Event, Reply, Result
from streams.testing import Scenario

NOW = datetime(2025, 1, 27, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ROOT = "0" * 31 + "7"
CAMPAIGN_ID, CONTENT_ID = campaign_id(ROOT), content_id(ROOT)
TENANT = "breathscape"
STORY = Scenario(CONTENT_GENERATOR)
EMAIL, WEBSITE, TWITTER = Channel.EMAIL, Channel.WEBSITE, Channel.TWITTER
R = TypeVar("R", bound=Reply)
E = TypeVar("E", bound=Event)


def answered(reply: R, result: Result, at: datetime = NOW, **more: Any) -> R:
    """The reply with a provider's answer."""
    return reply.answered(Attempt(result=result, provider="p", **{"number": 1} | more), at)


def accepted(reply: R, output: dict[str, Any] | None = None, **more: Any) -> R:
    return answered(reply, Result.ACCEPTED, output=output, **more)


def rejected(reply: R, code: str | None = "refused", **more: Any) -> R:
    return answered(reply, Result.REJECTED, code=code, **{"reason": "no"} | more)


def deferred(reply: R) -> R:
    return answered(reply, Result.DEFERRED, code="http_503", retry_at=NOW + SECOND)


def unconfirmed(reply: R, **more: Any) -> R:
    return answered(reply, Result.UNCONFIRMED, reason="no answer", **more)


def only(scenario: Scenario, kind: type[E]) -> E:
    """The one event of this type that the last command produced."""
    (found,) = [event for event in scenario.produced if isinstance(event, kind)]
    return found


def requested_job(*channels: Channel, **more: Any) -> RequestSyncJob:
    """A request for a job over these channels."""
    fields: dict[str, Any] = {
        "at": NOW,
        "root": ROOT,
        "tenant": TENANT,
        "kind": JobKind.SYNC,
        "source": Source.NOTION,
        "document": "document-key",
        "document_id": "n1",
        "summary": None,
        "channels": channels or (EMAIL, WEBSITE, TWITTER),
        "due_at": None,
        "correlation_id": "c1",
        "options": Options(),
        "requested_by": "marketer",
    }
    return RequestSyncJob(**fields | more)


def retried_job(**more: Any) -> RetrySyncJob:
    fields: dict[str, Any] = {
        "at": NOW + HOUR,
        "root": ROOT,
        "run": 0,
        "tenant": TENANT,
        "repeat_unconfirmed": False,
        "correlation_id": "",
        "requested_by": "marketer",
    }
    return RetrySyncJob(**fields | more)


def outcome(channel: Channel, word: str = "delivered", run: int = 0, **more: Any) -> RecordChannel:
    """What became of a channel."""
    status = {"delivered": "posted"}.get(word, word)
    fields: dict[str, Any] = {
        "at": NOW + SECOND,
        "root": ROOT,
        "run": run,
        "channel": channel,
        "outcome": ChannelOutcome(word),
        "result": ChannelResult(status=status, post_id="p1"),
        "code": "" if word == "delivered" else "no",
        "attempts": 1,
    }
    return RecordChannel(**fields | more)

"""The reactions to jobs: the fetch, the composition, each channel's own process, and webhooks."""

from __future__ import annotations

from collections.abc import Iterator

from commands.content_generator.campaign import RequestCampaign
from commands.content_generator.document import RequestFetch
from commands.content_generator.effects import ComposeContent
from commands.content_generator.notifications import job_webhook
from commands.content_generator.post import RequestPost
from commands.content_generator.publication import RequestPublication
from commands.content_generator.sync_job import RecordJobContent, RequestSyncJob, StartSyncJob
from domain.content_generator.document import JOB, Waiter
from domain.content_generator.kinds import Channel, JobKind, Options, campaign_id, content_id, post_id
from domain.content_generator.sources import named
from domain.content_generator.summary import SummaryPublished
from domain.content_generator.sync_job import (
    SyncJobCancelled,
    SyncJobCompleted,
    SyncJobContentGenerated,
    SyncJobDocumentRead,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    SyncJobScheduled,
    SyncJobStarted,
)
from domain.messages import Command, Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction, Withdraw


def react_to_job(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case SyncJobScheduled() as scheduled:
            start = StartSyncJob(at=scheduled.at, root=scheduled.root)
            yield Later(scheduled.due_at, start, _waits(scheduled))
        case SyncJobCancelled() as cancelled:
            yield Withdraw(_waits(cancelled))
        case SyncJobStarted(pinned=True) as started:
            yield from _channels(started)
        case SyncJobStarted() as started:
            yield _content_of(started)
        case SyncJobDocumentRead() as read:
            yield _compose(read, read.document, read.version)
        case SyncJobContentGenerated() as generated:
            yield from _channels(generated)
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed() as over:
            yield Later(over.at, job_webhook(over, str(event.record.event_id)))
        case SummaryPublished() as published:
            yield Later(published.at, _summary_job(published))


def _waits(event: SyncJobScheduled | SyncJobCancelled) -> str:
    return f"{event.root}/{event.run}/start"


def _content_of(started: SyncJobStarted) -> Reaction:
    """A document's text is looked at anew for every job, which names it with its source's prefix.

    A summary was composed before.
    """
    if started.document is None or started.source is None:
        return _compose(started, None, 0)
    fetch = RequestFetch(
        at=started.at,
        document=started.document,
        tenant=started.tenant,
        source=started.source,
        document_id=named(started.source, started.document_id).document_id,
        max_age=0,
        waiter=Waiter(kind=JOB, key=started.root, run=started.run),
    )
    return Later(started.at, fetch)


def _compose(event: SyncJobStarted | SyncJobDocumentRead, document: str | None, version: int) -> Call:
    effect = ComposeContent(
        owner="sync_job",
        id=event.root,
        document=document,
        summary=event.summary,
        version=version,
        channels=event.channels,
        template=event.options.email_template,
        options=event.options,
        custom_data={},
    )
    return Call(effect, RecordJobContent(at=event.at, root=event.root, run=event.run, version=version))


def _channels(event: SyncJobStarted | SyncJobContentGenerated) -> Iterator[Reaction]:
    for channel in event.channels:
        yield Later(event.at, _request(event, channel))


def _request(event: SyncJobStarted | SyncJobContentGenerated, channel: Channel) -> Command:
    at, root, run, tenant, test = event.at, event.root, event.run, event.tenant, event.options.test_mode
    network = channel.network
    if network is not None:
        id_ = post_id(root, network)
        return RequestPost(at=at, post_id=id_, tenant=tenant, root=root, run=run, network=network, test_mode=test)
    if channel is Channel.WEBSITE:
        id_ = content_id(root)
        return RequestPublication(at=at, content_id=id_, tenant=tenant, root=root, run=run, test_mode=test)
    return RequestCampaign(
        at=at,
        campaign_id=campaign_id(root),
        tenant=tenant,
        root=root,
        run=run,
        test_mode=test,
        repeat_unconfirmed=event.repeat_unconfirmed,
    )


def _summary_job(published: SummaryPublished) -> RequestSyncJob:
    return RequestSyncJob(
        at=published.at,
        root=published.root,
        tenant=published.tenant,
        kind=JobKind.SUMMARY,
        source=None,
        document=None,
        document_id=published.session_id,
        summary=published.content_id,
        channels=published.channels,
        due_at=None,
        correlation_id=published.correlation_id,
        options=Options(),
        requested_by=published.requested_by,
    )

"""Explanations of jobs: a sentence for each event that bears on whether a channel went out, from the event alone."""

from __future__ import annotations

from typing import assert_never

from domain.content_generator.campaign import (
    AudienceCounted,
    AudienceFailed,
    AudiencePageRequested,
    AudienceResolved,
    BatchFailed,
    BatchSent,
    BatchUnconfirmed,
    CampaignCancelled,
    CampaignEvent,
    CampaignFailed,
    CampaignRequested,
    CampaignRequestedAgain,
    CampaignScheduled,
    CampaignSent,
    RecipientAddressed,
    ReportsRead,
    ReportsRequested,
    SendingStarted,
)
from domain.content_generator.kinds import Channel
from domain.content_generator.post import (
    PostEvent,
    PostFailed,
    PostLookRequested,
    PostNotSeen,
    PostPublished,
    PostRequested,
    PostResolved,
    PostRetried,
    PostUnanswered,
    PostUnconfirmed,
)
from domain.content_generator.publication import (
    MetricsObserved,
    MetricsRequested,
    PublicationDrafted,
    PublicationEvent,
    PublicationFailed,
    PublicationPublished,
    PublicationRequested,
    PublicationScheduled,
    PublicationUnconfirmed,
)
from domain.content_generator.results import shown_time
from domain.content_generator.sync_job import (
    STATUS_OF,
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelUnconfirmed,
    SyncJobCancelled,
    SyncJobCompleted,
    SyncJobContentGenerated,
    SyncJobDocumentRead,
    SyncJobEvent,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    SyncJobRequested,
    SyncJobRetried,
    SyncJobScheduled,
    SyncJobStarted,
)

NAMES = {
    Channel.EMAIL: "E-mail",
    Channel.WEBSITE: "Website",
    Channel.TWITTER: "X",
    Channel.LINKEDIN: "LinkedIn",
    Channel.FACEBOOK: "Facebook",
}


def describe_job(event: SyncJobEvent) -> str:
    """The event of a job as a sentence."""
    match event:
        case SyncJobRequested() | SyncJobRetried():
            word = "Requested" if isinstance(event, SyncJobRequested) else "Retried"
            return f"{word} for {_listed(event.channels)} by {event.requested_by}."
        case SyncJobScheduled():
            return f"Waits until {shown_time(event.due_at)}."
        case SyncJobStarted(pinned=True):
            return f"Run {event.run} started with the content of an earlier run, for {_listed(event.channels)}."
        case SyncJobStarted():
            return f"Run {event.run} started for {_listed(event.channels)}."
        case SyncJobDocumentRead():
            return f"Version {event.version} of the document is composed."
        case SyncJobContentGenerated():
            return "Content was composed and pinned: every retry sends the same."
        case SyncJobCancelled():
            return f"Cancelled by {event.cancelled_by} before its time."
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            return f"The run {'is restated as' if event.restated else 'ended as'} {STATUS_OF[type(event)].value}."
        case ChannelDelivered() | ChannelFailed() | ChannelUnconfirmed() | ChannelConfirmed():
            return _channel(event)
        case _:
            assert_never(event)


def _listed(channels: tuple[Channel, ...]) -> str:
    return ", ".join(NAMES[channel] for channel in channels)


def _channel(event: ChannelDelivered | ChannelFailed | ChannelUnconfirmed | ChannelConfirmed) -> str:
    name = NAMES[event.channel]
    match event:
        case ChannelDelivered():
            return f"{name}: delivered."
        case ChannelConfirmed():
            return f"{name}: turned out to be delivered."
        case ChannelFailed():
            return f"{name}: failed ({event.error.code}): {event.error.message}."
        case ChannelUnconfirmed():
            return f"{name}: may have been delivered ({event.error.code}): {event.error.message}."


def describe_campaign(event: CampaignEvent) -> str | None:
    """The event of a campaign as a sentence; None for one that changes nothing about its fate."""
    match event:
        case CampaignRequested():
            return "The e-mail was requested."
        case CampaignRequestedAgain():
            return f"Run {event.run} asks for the e-mail again."
        case CampaignScheduled():
            return f"The e-mail waits until {shown_time(event.due_at)}."
        case AudienceResolved() | AudienceFailed():
            return _audience(event)
        case SendingStarted():
            return f"Sending of {len(event.first) + len(event.following)} batches started."
        case BatchSent() | BatchFailed() | BatchUnconfirmed():
            return _batch(event)
        case CampaignSent() | CampaignFailed() | CampaignCancelled():
            return _campaign_end(event)
        case AudienceCounted() | AudiencePageRequested() | RecipientAddressed() | ReportsRequested() | ReportsRead():
            return None
        case _:
            assert_never(event)


def _audience(event: AudienceResolved | AudienceFailed) -> str:
    if isinstance(event, AudienceFailed):
        return f"The audience could not be read ({event.code}): {event.reason}."
    return f"{event.recipients} recipients are on record, in {event.batches} batches."


def _campaign_end(event: CampaignSent | CampaignFailed | CampaignCancelled) -> str:
    match event:
        case CampaignSent():
            return f"Every batch was answered: {event.recipients} recipients were accepted."
        case CampaignFailed():
            return f"The campaign failed ({event.code}): {event.reason}."
        case CampaignCancelled():
            return f"The e-mail was cancelled by {event.cancelled_by}."


def _batch(event: BatchSent | BatchFailed | BatchUnconfirmed) -> str:
    match event:
        case BatchSent():
            left_out = f", {event.suppressed} left out" if event.suppressed else ""
            return f"Batch {event.batch} was accepted for {event.accepted} recipients{left_out}."
        case BatchFailed():
            return f"Batch {event.batch} was refused ({event.code}): {event.reason}."
        case BatchUnconfirmed():
            return f"Batch {event.batch} has no answer: {event.reason}."


def describe_page(event: PublicationEvent) -> str | None:
    """The event of a page as a sentence; None for one about figures."""
    match event:
        case PublicationDrafted():
            return "The page was drafted."
        case PublicationScheduled():
            return f"The page waits until {shown_time(event.due_at)}."
        case PublicationRequested():
            return f"Attempt {event.attempt} to publish the page."
        case PublicationPublished():
            return f"The platform took the page: {event.url}."
        case PublicationFailed():
            return f"The platform did not take the page ({event.code}): {event.reason}."
        case PublicationUnconfirmed():
            return f"The platform gave no answer: {event.reason}."
        case MetricsRequested() | MetricsObserved():
            return None
        case _:
            assert_never(event)


def describe_post(event: PostEvent) -> str:
    """The event of a post as a sentence."""
    match event:
        case PostRequested():
            return f"Call {event.attempt} to the network."
        case PostRetried():
            return f"Call {event.attempt}: the exchange before was over, and no look had found the post."
        case PostUnanswered():
            answer = "an error" if event.answered else "no usable answer"
            return f"Call {event.attempt} had {answer}: {event.reason}. The post is looked for."
        case PostLookRequested():
            return f"Look {event.look} among the account's own posts since {shown_time(event.since)}."
        case PostNotSeen():
            why = "the network's list does not have it" if event.certain else "the network showed no list"
            return f"Look {event.look} did not find the post: {why}."
        case PostPublished():
            return "The network took the post." if event.look is None else f"Look {event.look} found the post."
        case PostFailed():
            return f"The network did not take the post ({event.code}): {event.reason}."
        case PostUnconfirmed():
            return "No look has shown what became of the post: only a person's word opens it again."
        case PostResolved():
            found = "is there" if event.delivered else "is not there"
            return f"{event.resolved_by} looked: the post {found}."
        case _:
            assert_never(event)

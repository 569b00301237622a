"""The reactions to campaigns: audience, batches, reports, and the answer to the job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from commands.content_generator.batch import RecordBatch, StartSending
from commands.content_generator.campaign import RecordAudienceCount, RecordAudiencePage, StartCampaign, transport_of
from commands.content_generator.channel_outcome import ChannelOutcome, RecordChannel
from commands.content_generator.effects import CountAudience, ReadReports, ResolveAudience, SendBatch
from commands.content_generator.notifications import campaign_webhook
from commands.content_generator.recipient import RecordReport, ReportKind
from commands.content_generator.reports import RecordReports, RequestReports
from domain.content_generator.campaign import (
    AudienceFailed,
    AudiencePageRequested,
    AudienceResolved,
    BatchFailed,
    BatchSent,
    BatchUnconfirmed,
    CampaignCancelled,
    CampaignFailed,
    CampaignRequested,
    CampaignScheduled,
    CampaignSent,
    Report,
    ReportsRead,
    ReportsRequested,
    SendingStarted,
)
from domain.content_generator.kinds import Channel
from domain.content_generator.looks import AGES
from domain.content_generator.sync_job import ChannelResult
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, EraseSubject, Later, Reaction, Withdraw

KEPT_AFTER_FAILURE = timedelta(days=7)
"""The time for which the pages of a failed reading stay readable."""


def react_to_campaign(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case CampaignRequested(root=None) as requested:
            count = CountAudience(campaign_id=requested.campaign_id, segment=requested.segment, tags=requested.tags)
            yield Call(count, RecordAudienceCount(at=requested.at, campaign_id=requested.campaign_id))
        case CampaignScheduled() as scheduled:
            start = StartCampaign(at=scheduled.at, campaign_id=scheduled.campaign_id)
            yield Later(scheduled.due_at, start, f"{scheduled.campaign_id}/start")
        case CampaignCancelled() as cancelled:
            yield Withdraw(f"{cancelled.campaign_id}/start")
        case AudiencePageRequested() as page:
            yield _page(page)
        case AudienceResolved() as resolved:
            position = event.position.sequence
            yield Later(resolved.at, StartSending(at=resolved.at, campaign_id=resolved.campaign_id, position=position))
            yield Later(resolved.at, _forget_pages(resolved))
        case AudienceFailed() as failed:
            yield Later(failed.at + KEPT_AFTER_FAILURE, _forget_pages(failed))
        case _:
            yield from _sending(event)


def _page(page: AudiencePageRequested) -> Call:
    effect = ResolveAudience(
        campaign_id=page.campaign_id,
        segment=page.segment,
        tags=page.tags,
        cursor=page.cursor,
        test_mode=page.test_mode,
    )
    reply = RecordAudiencePage(
        at=page.at,
        campaign_id=page.campaign_id,
        transport=transport_of(page.campaign_id, page.round),
        round=page.round,
        page=page.page,
    )
    return Call(effect, reply)


def _forget_pages(event: AudienceResolved | AudienceFailed) -> EraseSubject:
    """The addresses are on record under their own people now: what carried them is no longer readable.

    Erased under its own key: under the campaign's, its state would be forgotten too, and folded anew from every
    recipient. It holds nothing of the pages.
    """
    return EraseSubject(at=event.at, partition_key=event.transport, erased=f"content_generator:{event.transport}")


def _sending(event: Recorded[Event]) -> Iterator[Reaction]:
    partition = event.position.partition
    match event.fact:
        case SendingStarted() as started:
            for batch in started.first:
                yield _send(started, batch, partition)
        case BatchSent() | BatchFailed() | BatchUnconfirmed() as answered if answered.following is not None:
            yield _send(answered, answered.following, partition)
        case CampaignSent() as sent:
            yield from _answer(sent, ChannelOutcome.DELIVERED)
            if not sent.again:
                yield Later(sent.at, campaign_webhook(sent, str(event.record.event_id)))
                yield _look(sent, 0)
        case CampaignFailed() as failed:
            outcome = ChannelOutcome.UNCONFIRMED if failed.unconfirmed else ChannelOutcome.FAILED
            yield from _answer(failed, outcome)
            if failed.recipients:
                yield _look(failed, 0)
        case _:
            yield from _reports(event)


def _reports(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case ReportsRequested() as asked:
            effect = ReadReports(campaign_id=asked.campaign_id, cursor=asked.cursor)
            yield Call(effect, RecordReports(at=asked.at, campaign_id=asked.campaign_id))
            if asked.look is not None and asked.look + 1 < len(AGES):
                yield _look(asked, asked.look + 1)
        case ReportsRead() as read:
            for report in read.reports:
                yield _report(read, report)
            if read.more:
                yield Later(read.at, RequestReports(at=read.at, campaign_id=read.campaign_id))


def _send(event: SendingStarted | BatchSent | BatchFailed | BatchUnconfirmed, batch: int, partition: int) -> Call:
    effect = SendBatch(
        campaign_id=event.campaign_id,
        root=event.root,
        batch=batch,
        partition=partition,
        position=event.position,
        test_mode=event.test_mode,
        round=event.round,
    )
    return Call(effect, RecordBatch(at=event.at, campaign_id=event.campaign_id, batch=batch, run=event.run))


def _answer(over: CampaignSent | CampaignFailed, outcome: ChannelOutcome) -> Iterator[Reaction]:
    """The answer to the job that asked for the campaign; a newsletter has none."""
    if over.root is None:
        return
    status = {ChannelOutcome.DELIVERED: "sent"}.get(outcome, outcome.value)
    result = ChannelResult(status=status, recipients=over.recipients, job_id=over.campaign_id)
    code, reason = (over.code, over.reason) if isinstance(over, CampaignFailed) else ("", "")
    answer = RecordChannel(
        at=over.at,
        root=over.root,
        run=over.run,
        channel=Channel.EMAIL,
        outcome=outcome,
        result=result,
        code=code,
        reason=reason,
        attempts=1,
    )
    yield Later(over.at, answer)


def _look(event: CampaignSent | CampaignFailed | ReportsRequested, look: int) -> Later:
    """The next reading of reports; how long after the end of sending, `AGES` says."""
    after = AGES[look] - (AGES[look - 1] if look else timedelta())
    since = event.since if isinstance(event, ReportsRequested) else event.at
    request = RequestReports(at=event.at, campaign_id=event.campaign_id, look=look, since=since)
    return Later(event.at + after, request)


def _report(read: ReportsRead, report: Report) -> Later:
    """Keyed by the report's id: what is pushed, polled or repeated is one command."""
    command = RecordReport(
        at=read.at,
        mark=report.mark,
        campaign_id=read.campaign_id,
        report_id=report.report_id,
        kind=ReportKind(report.kind),
        reported_at=report.at,
        url=report.url,
        machine=report.machine,
    )
    return Later(read.at, command, report_key(report.report_id))


def report_key(report_id: str) -> str:
    """The key of the timer of a report. A pushed report is submitted under that timer's command id."""
    return f"report/{report_id}"

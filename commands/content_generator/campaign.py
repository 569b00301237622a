"""Campaigns: request, audience, and when the sending starts, continues and is called off. `batch` has the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commands.content_generator.answers import objects, output_of, text, whole
from commands.content_generator.batch import sending_started
from domain.content_generator.campaign import (
    AudienceCounted,
    AudienceFailed,
    AudiencePageRequested,
    AudienceResolved,
    BatchPhase,
    Campaign,
    CampaignCancelled,
    CampaignEvent,
    CampaignFailed,
    CampaignPhase,
    CampaignRequested,
    CampaignRequestedAgain,
    CampaignScheduled,
    CampaignSent,
    RecipientAddressed,
)
from domain.messages import Attempt, Command, Event, Instant, Personal, Refused, Reply, Result


class UnknownCampaign(Refused, name="content_generator.unknown_campaign"):
    """No campaign has this id. 404 not_found."""


class CampaignStarted(Refused, name="content_generator.campaign_started"):
    """The campaign has started or is over. 400 validation_error."""


class CampaignNotRetryable(Refused, name="content_generator.campaign_not_retryable"):
    """The campaign is not over, or every batch was sent, or what is left may have been. 400 validation_error."""


class RequestCampaign(Command, name="content_generator.campaign.request.v1", key="campaign_id"):
    """Request a newsletter with its own content, or the e-mail of a job's run. A run that is not the first continues.

    `repeat_unconfirmed` sends the batches without an answer again, under the keys that they had.
    """

    campaign_id: str
    tenant: str
    root: str | None = None
    run: int = 0
    subject_line: str | None = None
    html: str | None = None
    text: str | None = None
    segment: str | None = None
    tags: tuple[str, ...] = ()
    test_mode: bool = False
    due_at: Instant | None = None
    repeat_unconfirmed: bool = False


class RecordAudienceCount(Reply, name="content_generator.campaign.record_count.v1", key="campaign_id"):
    campaign_id: str


class StartCampaign(Command, name="content_generator.campaign.start.v1", key="campaign_id"):
    """Read the audience of a campaign whose time has come."""

    campaign_id: str


class RecordAudiencePage(
    Reply, name="content_generator.campaign.record_page.v1", key="campaign_id", subject="transport"
):
    """Record a page of the audience. Its addresses are sealed under `transport`, and each under its own person."""

    campaign_id: str
    transport: str
    round: int
    page: int
    attempt: Personal[Attempt] = None

    @property
    def subjects(self) -> tuple[str, ...]:
        own = (f"{self.subject_prefix}{self.transport}",)
        return own + tuple(f"{self.subject_prefix}{one['mark']}" for one in _recipients(self.attempt))


class CancelCampaign(Command, name="content_generator.campaign.cancel.v1", key="campaign_id"):
    """Call a scheduled newsletter off."""

    campaign_id: str
    tenant: str
    cancelled_by: str


class RetryCampaign(Command, name="content_generator.campaign.retry.v1", key="campaign_id"):
    """Continue a campaign that failed, or begin one that was called off.

    The job that asked for it, if one did, hears of the end as of a late answer to the same run.
    """

    campaign_id: str
    tenant: str
    repeat_unconfirmed: bool = False


def transport_of(campaign_id: str, round_: int) -> str:
    """The subject under which the pages of one reading are carried: no key serves two readings."""
    return f"audience-{round_}-{campaign_id}"


def request(command: RequestCampaign, campaign: Campaign) -> Sequence[CampaignEvent]:
    if campaign.phase is not CampaignPhase.ABSENT:
        return _again(command, campaign)
    fields = command.model_dump(exclude={"repeat_unconfirmed"})
    requested = CampaignRequested(**fields)
    if command.root is not None:
        return [requested, _page(command, requested, 1, 1, None)]
    return [requested]


def _again(command: RequestCampaign, campaign: Campaign) -> Sequence[CampaignEvent]:
    """Another run of a job: continue what failed, or tell the run of an end that it has not heard of.

    A campaign under way goes on, and tells the new run of its end.
    """
    if command.root is None or command.run <= campaign.run:
        return []
    again = _asked_again(command, campaign, command.run)
    match campaign.phase:
        case CampaignPhase.SENT:
            return [again, _sent(command, campaign)]
        case CampaignPhase.FAILED:
            return [again, *_continued(command, campaign, command.run)]
        case _:
            return [again]


def _asked_again(command: RequestCampaign | RetryCampaign, campaign: Campaign, run: int) -> CampaignRequestedAgain:
    return CampaignRequestedAgain(at=command.at, campaign_id=command.campaign_id, tenant=campaign.tenant, run=run)


def _continued(command: RequestCampaign | RetryCampaign, campaign: Campaign, run: int) -> Sequence[CampaignEvent]:
    """Read the audience anew, where it was not on record as a whole; else send the batches that are left."""
    if not campaign.resolved:
        return [_page(command, campaign, campaign.round + 1, 1, None)]
    left = _left(campaign, command.repeat_unconfirmed)
    return sending_started(command.at, command.campaign_id, campaign, left, run)


def _left(campaign: Campaign, repeat_unconfirmed: bool) -> list[int]:
    unconfirmed = (BatchPhase.UNCONFIRMED,) if repeat_unconfirmed else ()
    return campaign.in_phase(BatchPhase.OPEN, BatchPhase.FAILED, *unconfirmed)


def retry(command: RetryCampaign, campaign: Campaign) -> Sequence[Event]:
    if campaign.phase is CampaignPhase.ABSENT or command.tenant != campaign.tenant:
        raise UnknownCampaign("there is no such campaign")
    if campaign.phase is CampaignPhase.SENT:
        raise CampaignNotRetryable("every batch was sent")
    if campaign.phase not in (CampaignPhase.FAILED, CampaignPhase.CANCELLED):
        raise CampaignNotRetryable(f"this campaign is {campaign.phase}: a retry waits until it is over")
    if campaign.resolved and not _left(campaign, command.repeat_unconfirmed):
        raise CampaignNotRetryable(
            'what is left may have been sent: look, then retry with {"repeat_unconfirmed": true}'
        )
    return [_asked_again(command, campaign, campaign.run), *_continued(command, campaign, campaign.run)]


def _sent(command: RequestCampaign, campaign: Campaign) -> CampaignSent:
    return CampaignSent(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        root=campaign.root,
        run=command.run,
        recipients=campaign.accepted,
        again=True,
    )


def _page(
    command: Command, campaign: Campaign | CampaignRequested, round_: int, page: int, cursor: str | None
) -> AudiencePageRequested:
    return AudiencePageRequested(
        at=command.at,
        campaign_id=command.key,
        tenant=campaign.tenant,
        round=round_,
        page=page,
        cursor=cursor,
        segment=campaign.segment,
        tags=campaign.tags,
        test_mode=campaign.test_mode,
    )


def record_count(command: RecordAudienceCount, campaign: Campaign) -> Sequence[CampaignEvent]:
    """The number for the answer; then the campaign waits for its time, or begins."""
    attempt = command.attempt
    if attempt is None or campaign.phase is not CampaignPhase.COUNTING or attempt.result is Result.DEFERRED:
        return []
    counted = AudienceCounted(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        recipients=whole(output_of(attempt), "recipients") if attempt.result is Result.ACCEPTED else None,
    )
    due_at = campaign.due_at
    if due_at is None or due_at <= command.at:
        return [counted, _page(command, campaign, 1, 1, None)]
    scheduled = CampaignScheduled(at=command.at, campaign_id=command.campaign_id, tenant=campaign.tenant, due_at=due_at)
    return [counted, scheduled]


def start(command: StartCampaign, campaign: Campaign) -> Sequence[CampaignEvent]:
    if campaign.phase is not CampaignPhase.SCHEDULED:
        return []
    return [_page(command, campaign, 1, 1, None)]


def record_page(command: RecordAudiencePage, campaign: Campaign) -> Sequence[CampaignEvent]:
    awaited = campaign.phase is CampaignPhase.RESOLVING and not campaign.resolved
    if not awaited or (command.round, command.page) != (campaign.round, campaign.page):
        return []
    attempt = command.attempt
    if attempt is None:
        return _audience_failed(command, campaign, "erased", "the page of recipients is no longer readable")
    if attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED:
        return _audience_failed(command, campaign, attempt.code or "unavailable", attempt.reason)
    addressed = [_addressed(command, campaign, one) for one in _recipients(attempt)]
    following = text(output_of(attempt), "next")
    if following is not None and following == campaign.page_cursor:
        return _audience_failed(command, campaign, "unavailable", "the pages of recipients lead in a circle")
    if following is not None:
        return [*addressed, _page(command, campaign, command.round, command.page + 1, following)]
    resolved = AudienceResolved(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        round=command.round,
        recipients=campaign.addressed + len(addressed),
        batches=command.page,
        transport=command.transport,
    )
    return [*addressed, resolved]


def _recipients(attempt: Attempt | None) -> list[dict[str, Any]]:
    """Those who are named; one that is not could not be kept apart from others."""
    if attempt is None:
        return []
    return [one for one in objects(output_of(attempt), "recipients") if text(one, "mark") is not None]


def _addressed(command: RecordAudiencePage, campaign: Campaign, one: dict[str, Any]) -> RecipientAddressed:
    return RecipientAddressed(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        mark=one["mark"],
        address=text(one, "address"),
        recipient_name=text(one, "name"),
        batch=command.page,
        round=command.round,
    )


def _audience_failed(command: RecordAudiencePage, campaign: Campaign, code: str, reason: str) -> list[CampaignEvent]:
    failed = AudienceFailed(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        round=command.round,
        code=code,
        reason=reason,
        transport=command.transport,
    )
    over = CampaignFailed(
        at=command.at,
        campaign_id=command.campaign_id,
        tenant=campaign.tenant,
        root=campaign.root,
        run=campaign.run,
        recipients=campaign.accepted,
        code=code,
        reason=reason,
        unconfirmed=False,
    )
    return [failed, over]


def cancel(command: CancelCampaign, campaign: Campaign) -> Sequence[Event]:
    if campaign.phase is CampaignPhase.ABSENT or command.tenant != campaign.tenant or campaign.root is not None:
        raise UnknownCampaign("there is no such campaign")
    if campaign.phase is CampaignPhase.CANCELLED:
        return []
    if campaign.phase not in (CampaignPhase.COUNTING, CampaignPhase.SCHEDULED):
        raise CampaignStarted(f"only a newsletter that waits can be cancelled; this one is {campaign.phase}")
    return [
        CampaignCancelled(
            at=command.at,
            campaign_id=command.campaign_id,
            tenant=campaign.tenant,
            cancelled_by=command.cancelled_by,
        )
    ]

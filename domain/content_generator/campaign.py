"""An e-mail to an audience: one record a recipient before anything is sent, then batches with keys of their own.

A campaign is sent when every batch was answered. A campaign that failed keeps what was sent, and continues with the
batches that were not. Its id is that of its e-mail job.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, Field

from domain.messages import Event, Instant, Personal

AT_ONCE = 4
"""The number of batches of a campaign in flight."""


class OfCampaign(Event):
    campaign_id: str
    tenant: str


class CampaignRequested(OfCampaign, name="content_generator.campaign.requested.v1"):
    """A campaign. With a `root` it is the e-mail of that job's `run`, whose content is pinned there; else its own."""

    root: str | None
    run: int
    subject_line: str | None
    html: str | None
    text: str | None
    segment: str | None
    tags: tuple[str, ...]
    test_mode: bool
    due_at: Instant | None


class CampaignRequestedAgain(OfCampaign, name="content_generator.campaign.requested_again.v1"):
    """Another run of the job, or a person, asks for the campaign again."""

    run: int


class AudienceCounted(OfCampaign, name="content_generator.campaign.audience_counted.v1"):
    """The number of recipients of the filter, when the campaign was requested. None: the CRM did not say."""

    recipients: int | None


class CampaignScheduled(OfCampaign, name="content_generator.campaign.scheduled.v1"):
    due_at: Instant


class AudiencePageRequested(OfCampaign, name="content_generator.campaign.audience_page_requested.v1"):
    """A page of the audience is read; it becomes batch `page`. `round` counts the readings of the whole audience."""

    round: int
    page: int
    cursor: str | None
    segment: str | None
    tags: tuple[str, ...]
    test_mode: bool


class RecipientAddressed(OfCampaign, name="content_generator.campaign.recipient_addressed.v1", subject="mark"):
    """A recipient, in a batch. Who is on two pages is in the later batch."""

    mark: str
    address: Personal[str]
    recipient_name: Personal[str]
    batch: int
    round: int


class AudienceResolved(OfCampaign, name="content_generator.campaign.audience_resolved.v1", subject="transport"):
    """Every recipient is on record. `transport` is the subject under which pages of addresses were carried."""

    round: int
    recipients: int
    batches: int
    transport: str


class AudienceFailed(OfCampaign, name="content_generator.campaign.audience_failed.v1", subject="transport"):
    round: int
    code: str
    reason: str
    transport: str


class SendingStarted(OfCampaign, name="content_generator.campaign.sending_started.v1"):
    """`first` are sent now, `following` one after another. `position` covers every recipient's record.

    The recipients are those addressed in `round`: an earlier reading of the audience was given up.
    """

    root: str | None
    run: int
    first: tuple[int, ...]
    following: tuple[int, ...]
    position: int
    test_mode: bool
    round: int = 1


class _OfBatch(OfCampaign):
    """The answer for a batch. `following` is the next one to send; None while others are in flight, or at the end."""

    batch: int
    following: int | None
    root: str | None
    run: int
    position: int
    test_mode: bool
    round: int = 1


class BatchSent(_OfBatch, name="content_generator.campaign.batch_sent.v1"):
    accepted: int
    suppressed: int


class BatchFailed(_OfBatch, name="content_generator.campaign.batch_failed.v1"):
    code: str
    reason: str


class BatchUnconfirmed(_OfBatch, name="content_generator.campaign.batch_unconfirmed.v1"):
    reason: str


class _Over(OfCampaign):
    """The end of a campaign. `recipients` were accepted by the CRM; `told` is the run of the job that hears of it."""

    root: str | None
    run: int
    recipients: int


class CampaignSent(_Over, name="content_generator.campaign.sent.v1"):
    """Every batch was accepted. `again`: another run hears of a campaign that was sent before."""

    again: bool = False


class CampaignFailed(_Over, name="content_generator.campaign.failed.v1"):
    """`unconfirmed`: no batch was refused, but some have no answer."""

    code: str
    reason: str
    unconfirmed: bool


class CampaignCancelled(OfCampaign, name="content_generator.campaign.cancelled.v1"):
    cancelled_by: str


class ReportsRequested(OfCampaign, name="content_generator.campaign.reports_requested.v1"):
    """The CRM's reports after `cursor` are read. `look` counts the timed looks since the end of sending, `since`.

    Both are None for a look by request.
    """

    cursor: str | None
    look: int | None
    since: Instant | None = None


class Report(BaseModel):
    """A report of the CRM about one recipient, who is known by the mark alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report_id: str
    mark: str
    kind: str
    at: Instant
    url: str | None = None
    machine: bool = False


class ReportsRead(OfCampaign, name="content_generator.campaign.reports_read.v1"):
    """Reports of one page. `more`: another page follows at once."""

    cursor: str | None
    reports: tuple[Report, ...]
    more: bool


CampaignEvent = (
    CampaignRequested
    | CampaignRequestedAgain
    | AudienceCounted
    | CampaignScheduled
    | AudiencePageRequested
    | RecipientAddressed
    | AudienceResolved
    | AudienceFailed
    | SendingStarted
    | BatchSent
    | BatchFailed
    | BatchUnconfirmed
    | CampaignSent
    | CampaignFailed
    | CampaignCancelled
    | ReportsRequested
    | ReportsRead
)


class CampaignPhase(StrEnum):
    ABSENT = "absent"
    COUNTING = "counting"
    SCHEDULED = "scheduled"
    RESOLVING = "resolving"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchPhase(StrEnum):
    """OPEN: to be sent. IN_FLIGHT: no answer yet."""

    OPEN = "open"
    IN_FLIGHT = "in_flight"
    SENT = "sent"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Campaign(BaseModel):
    """The state of a campaign. `position` covers the records of its recipients.

    `run` is the run that hears of the end, `sending_run` the one whose batches are in flight. `over_at` is the last end
    of sending, from which reports are looked at.
    """

    model_config = ConfigDict(frozen=True)

    phase: CampaignPhase = CampaignPhase.ABSENT
    tenant: str = ""
    root: str | None = None
    run: int = 0
    segment: str | None = None
    tags: tuple[str, ...] = ()
    test_mode: bool = False
    due_at: Instant | None = None
    round: int = 0
    page: int = 0
    page_cursor: str | None = None
    addressed: int = 0
    resolved: bool = False
    position: int | None = None
    sending_run: int = 0
    batches: dict[int, BatchPhase] = Field(default_factory=dict)
    accepted: int = 0
    cursor: str | None = None
    reading: bool = False
    over_at: Instant | None = None

    def in_phase(self, *phases: BatchPhase) -> list[int]:
        """The batches in one of these phases, in order."""
        return [batch for batch, phase in self.batches.items() if phase in phases]


def evolve(campaign: Campaign, event: CampaignEvent) -> Campaign:
    match event:
        case CampaignRequested():
            return _requested(event)
        case CampaignRequestedAgain():
            return campaign.model_copy(update={"run": event.run})
        case AudienceCounted():
            return campaign
        case CampaignScheduled():
            return campaign.model_copy(update={"phase": CampaignPhase.SCHEDULED})
        case CampaignSent() | CampaignFailed() | CampaignCancelled():
            return _ended(campaign, event)
        case ReportsRequested():
            return campaign.model_copy(update={"reading": True})
        case ReportsRead():
            return campaign.model_copy(update={"cursor": event.cursor, "reading": False})
        case AudiencePageRequested() | RecipientAddressed() | AudienceResolved() | AudienceFailed():
            return _audience(campaign, event)
        case SendingStarted() | BatchSent() | BatchFailed() | BatchUnconfirmed():
            return _batches(campaign, event)
        case _:
            assert_never(event)


def _ended(campaign: Campaign, event: CampaignSent | CampaignFailed | CampaignCancelled) -> Campaign:
    ended = campaign.model_copy(update={"phase": _ENDS[type(event)]})
    told_again = isinstance(event, CampaignSent) and event.again
    return ended if told_again else ended.model_copy(update={"over_at": event.at})


_ENDS: dict[type[CampaignEvent], CampaignPhase] = {
    CampaignSent: CampaignPhase.SENT,
    CampaignFailed: CampaignPhase.FAILED,
    CampaignCancelled: CampaignPhase.CANCELLED,
}


def _requested(event: CampaignRequested) -> Campaign:
    return Campaign(
        phase=CampaignPhase.COUNTING,
        tenant=event.tenant,
        root=event.root,
        run=event.run,
        segment=event.segment,
        tags=event.tags,
        test_mode=event.test_mode,
        due_at=event.due_at,
    )


def _audience(
    campaign: Campaign, event: AudiencePageRequested | RecipientAddressed | AudienceResolved | AudienceFailed
) -> Campaign:
    match event:
        case AudiencePageRequested():
            anew = {"addressed": 0} if event.page == 1 else {}
            place = {"round": event.round, "page": event.page, "page_cursor": event.cursor}
            return campaign.model_copy(update=anew | place | {"phase": CampaignPhase.RESOLVING})
        case RecipientAddressed():
            return campaign.model_copy(update={"addressed": campaign.addressed + 1})
        case AudienceResolved():
            batches = dict.fromkeys(range(1, event.batches + 1), BatchPhase.OPEN)
            return campaign.model_copy(update={"resolved": True, "batches": batches})
        case AudienceFailed():
            return campaign


def _batches(campaign: Campaign, event: SendingStarted | BatchSent | BatchFailed | BatchUnconfirmed) -> Campaign:
    if isinstance(event, SendingStarted):
        left = dict.fromkeys(event.following, BatchPhase.OPEN) | dict.fromkeys(event.first, BatchPhase.IN_FLIGHT)
        update = {"phase": CampaignPhase.SENDING, "position": event.position, "batches": campaign.batches | left}
        return campaign.model_copy(update=update | {"run": event.run, "sending_run": event.run})
    accepted = event.accepted if isinstance(event, BatchSent) else 0
    batches = campaign.batches | {event.batch: _ANSWERS[type(event)]}
    if event.following is not None:
        batches[event.following] = BatchPhase.IN_FLIGHT
    return campaign.model_copy(update={"batches": batches, "accepted": campaign.accepted + accepted})


_ANSWERS: dict[type[CampaignEvent], BatchPhase] = {
    BatchSent: BatchPhase.SENT,
    BatchFailed: BatchPhase.FAILED,
    BatchUnconfirmed: BatchPhase.UNCONFIRMED,
}

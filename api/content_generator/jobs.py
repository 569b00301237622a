"""Jobs that bring a document to its channels: request, state, list, figures, retry, cancellation, explanation."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Caller
from api.content_generator.access import READ, WRITE
from api.content_generator.fields import Body, Correlation, Flag, Shown, Time, whole
from api.correlation import correlation_of
from api.errors import ApiError, FieldError, invalid
from api.fields import DIGITS
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.content_generator.campaign import CancelCampaign, RetryCampaign
from commands.content_generator.sync_job import CancelSyncJob, RequestSyncJob, RetrySyncJob
from domain.content_generator.campaign import CampaignRequestedAgain
from domain.content_generator.kinds import Channel, JobKind, JobStatus, Options, Run, TemplateName, job_id, run_of
from domain.content_generator.results import shown_errors, shown_results
from domain.content_generator.sources import document_of
from domain.content_generator.sync_job import SyncJobRequested, SyncJobRetried
from projections.content_generator.campaigns import CampaignRow, campaign_by_id
from projections.content_generator.queries.explanation import ExplainedEvent, explanation_of
from projections.content_generator.queries.jobs import JobRow, job_by_id, jobs_page
from projections.content_generator.queries.metrics import metrics_of

router = APIRouter(route_class=LeanRoute, prefix="/api/v2", tags=["Version 2 API"])

LAST_PAGE = 1_000_000
CAMPAIGN_PREFIX = "email-job-"

Channels = Annotated[tuple[Channel, ...], Field(min_length=1, max_length=50)]


class OptionsBody(Body):
    email_template: TemplateName = TemplateName.MODERN
    seo_optimize: Flag = True
    test_mode: Flag = False


class SyncBody(Body):
    """`document_id` is `gdocs:<id>`, `notion:<id>` or `url:<address>`. A time that has passed is now."""

    document_id: Annotated[str, Field(min_length=1, max_length=2_000)]
    channels: Channels
    schedule_time: Time | None = None
    correlation_id: Correlation | None = None
    options: OptionsBody = Field(default_factory=OptionsBody)


class SyncAnswer(BaseModel):
    """The job as it was requested; `GET /api/v2/jobs/{job_id}` says what has happened since."""

    job_id: str
    status: JobStatus
    created_at: Shown
    scheduled_for: Shown | None
    channels: tuple[Channel, ...]
    correlation_id: str


class JobAnswer(BaseModel):
    """A job. `results` has each channel that has been answered, `errors` says why channels were not delivered."""

    job_id: str
    status: JobStatus
    created_at: Shown
    completed_at: Shown | None
    results: dict[str, dict[str, Any]]
    errors: list[dict[str, Any]]


class ListedAnswer(BaseModel):
    job_id: str
    status: JobStatus
    created_at: Shown
    channels: tuple[Channel, ...]


class JobsAnswer(BaseModel):
    jobs: list[ListedAnswer]
    total: int
    page: int
    limit: int


class MetricsAnswer(BaseModel):
    """Figures of all sync jobs, retries included. `active_jobs` are in progress; the rate is in percent."""

    total_jobs: int
    active_jobs: int
    status_breakdown: dict[JobStatus, int]
    channel_breakdown: dict[Channel, int]
    success_rate: float
    average_processing_time_seconds: int
    last_sync_times: dict[str, Shown]


class RetryBody(Body):
    """`repeat_unconfirmed` is a person's word that channels of unknown fate may be delivered again."""

    repeat_unconfirmed: Flag = False


NO_WORD = RetryBody()


class RetryAnswer(BaseModel):
    new_job_id: str
    status: JobStatus
    original_job_id: str
    created_at: Shown


class CancelAnswer(BaseModel):
    job_id: str
    status: JobStatus


class WhyAnswer(BaseModel):
    """One event, as a sentence, and where it is in the log."""

    sentence: str
    event: dict[str, Any]


class ChannelWhyAnswer(BaseModel):
    channel: Channel
    sentence: str
    history: list[WhyAnswer]


class ExplanationAnswer(BaseModel):
    """Why each channel of a job went or did not go, with the events, the oldest first."""

    job_id: str
    sentence: str
    history: list[WhyAnswer]
    channels: list[ChannelWhyAnswer]


@router.post("/content/sync")
async def sync(body: SyncBody, caller: Annotated[Caller, may(WRITE)], act: Act) -> SyncAnswer:
    """Bring a document to channels, now or at `schedule_time`."""
    document = document_of(body.document_id)
    if document is None:
        raise invalid([FieldError("document_id", "must be gdocs:<id>, notion:<id> or url:<address>", missing=False)])
    root = act.new_id("job").hex
    channels = tuple(dict.fromkeys(body.channels))
    command = RequestSyncJob(
        at=act.at,
        root=root,
        tenant=caller.tenant,
        kind=JobKind.SYNC,
        source=document.source,
        document=document.key(caller.tenant),
        document_id=document.public,
        summary=None,
        channels=channels,
        due_at=body.schedule_time,
        correlation_id=body.correlation_id or correlation_of(act.request),
        options=Options(**body.options.model_dump()),
        requested_by=caller.subject,
    )
    requested = (await act.submit(command)).only(SyncJobRequested)
    return SyncAnswer(
        job_id=job_id(root, 0),
        status=JobStatus.PENDING,
        created_at=requested.at,
        scheduled_for=requested.due_at,
        channels=requested.channels,
        correlation_id=requested.correlation_id,
    )


@router.get("/jobs/{job_id}")
async def job(job_id: str, caller: Annotated[Caller, may(READ)], reads: Read) -> JobAnswer:
    """A sync job, a retry, a summary's job, or an e-mail job."""
    async with reads.connection() as connection:
        if job_id.startswith(CAMPAIGN_PREFIX):
            campaign = await campaign_by_id(connection, caller.tenant, job_id)
            return _campaign(_known(campaign))
        return _job(_known(await job_by_id(connection, caller.tenant, job_id)))


def _job(row: JobRow) -> JobAnswer:
    return JobAnswer(
        job_id=row.job_id,
        status=row.status,
        created_at=row.created_at,
        completed_at=row.completed_at,
        results=shown_results(row.results),
        errors=shown_errors(row.errors),
    )


def _campaign(row: CampaignRow) -> JobAnswer:
    """A newsletter as a job with one channel."""
    shown = {JobStatus.COMPLETED: "sent", JobStatus.FAILED: "failed", JobStatus.PENDING: "scheduled"}.get(row.status)
    result = {
        "status": shown,
        "recipients": row.accepted or row.addressed or row.counted or 0,
        "job_id": row.campaign_id,
    }
    error = {"channel": Channel.EMAIL, "code": row.code, "message": row.reason, "attempts": 1, "at": row.ended_at}
    return JobAnswer(
        job_id=row.campaign_id,
        status=row.status,
        created_at=row.requested_at,
        completed_at=row.ended_at,
        results={} if shown is None else {Channel.EMAIL.value: result},
        errors=[] if row.code is None else [error],
    )


T = TypeVar("T")


def _known(row: T | None) -> T:
    if row is None:
        raise ApiError(404, "There is no such job", kind="NotFound")
    return row


@router.get("/jobs")
async def jobs(
    caller: Annotated[Caller, may(READ)],
    reads: Read,
    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 10,
    page: Annotated[int, Field(ge=1, le=LAST_PAGE), DIGITS] = 1,
    status: JobStatus | None = None,
    channel: Channel | None = None,
) -> JobsAnswer:
    """Sync jobs and their retries, the newest first."""
    async with reads.connection() as connection:
        found = await jobs_page(connection, caller.tenant, status, channel, page, limit)
    listed = [
        ListedAnswer(job_id=row.job_id, status=row.status, created_at=row.created_at, channels=row.channels)
        for row in found.jobs
    ]
    return JobsAnswer(jobs=listed, total=found.total, page=page, limit=limit)


@router.get("/metrics")
async def metrics(caller: Annotated[Caller, may(READ)], reads: Read) -> MetricsAnswer:
    """The figures of the tenant's sync jobs."""
    async with reads.connection() as connection:
        found = await metrics_of(connection, caller.tenant)
    return MetricsAnswer(
        total_jobs=found.total,
        active_jobs=found.active,
        status_breakdown=found.statuses,
        channel_breakdown=found.channels,
        success_rate=found.success_rate,
        average_processing_time_seconds=whole(found.processing_seconds),
        last_sync_times=found.last_syncs,
    )


@router.post("/jobs/{job_id}/retry")
async def retry(job_id: str, caller: Annotated[Caller, may(WRITE)], act: Act, body: RetryBody = NO_WORD) -> RetryAnswer:
    """Deliver what has not been delivered, with the same content. An e-mail job continues with its missing batches."""
    repeat = body.repeat_unconfirmed
    if job_id.startswith(CAMPAIGN_PREFIX):
        campaign = RetryCampaign(at=act.at, campaign_id=job_id, tenant=caller.tenant, repeat_unconfirmed=repeat)
        again = (await act.submit(campaign)).only(CampaignRequestedAgain)
        return RetryAnswer(new_job_id=job_id, status=JobStatus.IN_PROGRESS, original_job_id=job_id, created_at=again.at)
    run = _run(job_id)
    command = RetrySyncJob(
        at=act.at,
        root=run.root,
        run=run.number,
        tenant=caller.tenant,
        repeat_unconfirmed=repeat,
        correlation_id=correlation_of(act.request),
        requested_by=caller.subject,
    )
    retried = (await act.submit(command)).only(SyncJobRetried)
    return RetryAnswer(
        new_job_id=_job_id(retried), status=JobStatus.PENDING, original_job_id=job_id, created_at=retried.at
    )


def _job_id(retried: SyncJobRetried) -> str:
    return job_id(retried.root, retried.run)


def _run(id_: str) -> Run:
    """The run of a job; raises ApiError 404 for what is no job's id."""
    found = run_of(id_)
    if found is None:
        raise ApiError(404, "There is no such job", kind="NotFound")
    return found


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: str, caller: Annotated[Caller, may(WRITE)], act: Act) -> CancelAnswer:
    """Call off a job or a newsletter that waits for its time; it is shown as failed, with the code `cancelled`."""
    if job_id.startswith(CAMPAIGN_PREFIX):
        newsletter = CancelCampaign(at=act.at, campaign_id=job_id, tenant=caller.tenant, cancelled_by=caller.subject)
        await act.submit(newsletter)
        return CancelAnswer(job_id=job_id, status=JobStatus.FAILED)
    run = _run(job_id)
    command = CancelSyncJob(at=act.at, root=run.root, run=run.number, tenant=caller.tenant, cancelled_by=caller.subject)
    await act.submit(command)
    return CancelAnswer(job_id=job_id, status=JobStatus.FAILED)


@router.get("/jobs/{job_id}/explanation")
async def explanation(job_id: str, caller: Annotated[Caller, may(READ)], reads: Read) -> ExplanationAnswer:
    """Why each channel went or did not go, with the events behind it."""
    async with reads.connection() as connection:
        found = _known(await explanation_of(connection, caller.tenant, job_id))
    return ExplanationAnswer(
        job_id=job_id,
        sentence=found.sentence,
        history=[_why(one) for one in found.history],
        channels=[
            ChannelWhyAnswer(channel=one.channel, sentence=one.sentence, history=[_why(each) for each in one.history])
            for one in found.channels
        ],
    )


def _why(one: ExplainedEvent) -> WhyAnswer:
    return WhyAnswer(sentence=one.sentence, event=one.event._asdict())

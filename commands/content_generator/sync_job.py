"""Jobs: their request, start, content, retry and cancellation. `channel_outcome` has the answers of the channels."""

from __future__ import annotations

from collections.abc import Sequence

from commands.content_generator.run import every_channel_failed, run_ended
from domain.calls.document import Source
from domain.content_generator.kinds import Channel, JobKind, JobStatus, Options, job_id
from domain.content_generator.sync_job import (
    ChannelPhase,
    SyncJob,
    SyncJobCancelled,
    SyncJobContentGenerated,
    SyncJobDocumentRead,
    SyncJobEvent,
    SyncJobRequested,
    SyncJobRetried,
    SyncJobScheduled,
    SyncJobStarted,
    evolve,
)
from domain.messages import Command, Instant, Refused, Reply, Result

CANCELLED = "cancelled"
"""The code of a channel whose job was called off."""


class UnknownJob(Refused, name="content_generator.unknown_job"):
    """No job has this id. 404 not_found."""


class NotRetryable(Refused, name="content_generator.not_retryable"):
    """The run has not ended, or everything was delivered, or what is left may have been. 400 validation_error."""


class NotCancellable(Refused, name="content_generator.not_cancellable"):
    """The job has started or is over. 400 validation_error."""


class RequestSyncJob(Command, name="content_generator.sync_job.request.v1", key="root"):
    """Request a job. It starts at once without `due_at`, or with one that has passed."""

    root: str
    tenant: str
    kind: JobKind
    source: Source | None
    document: str | None
    document_id: str
    summary: str | None
    channels: tuple[Channel, ...]
    due_at: Instant | None
    correlation_id: str
    options: Options
    requested_by: str


class StartSyncJob(Command, name="content_generator.sync_job.start.v1", key="root"):
    """Start a waiting job, whose time has come."""

    root: str


class ReadJobDocument(Command, name="content_generator.sync_job.read_document.v1", key="root"):
    """Take the fetched version of the document, or the code and reason for having none."""

    root: str
    run: int
    version: int = 0
    code: str = ""
    reason: str = ""


class RecordJobContent(Reply, name="content_generator.sync_job.record_content.v1", key="root"):
    """Record the composed content of a run."""

    root: str
    run: int
    version: int


class RetrySyncJob(Command, name="content_generator.sync_job.retry.v1", key="root"):
    """Deliver the channels that no run has delivered; unconfirmed ones only with `repeat_unconfirmed`."""

    root: str
    run: int
    tenant: str
    repeat_unconfirmed: bool
    correlation_id: str
    requested_by: str


class CancelSyncJob(Command, name="content_generator.sync_job.cancel.v1", key="root"):
    """Call a waiting job off."""

    root: str
    run: int
    tenant: str
    cancelled_by: str


def request(command: RequestSyncJob, job: SyncJob) -> Sequence[SyncJobEvent]:
    if job.runs:
        return []
    requested = SyncJobRequested(**{**command.model_dump(), "channels": tuple(dict.fromkeys(command.channels))}, run=0)
    if command.due_at is not None and command.due_at > command.at:
        scheduled = SyncJobScheduled(
            at=command.at, root=command.root, run=0, tenant=command.tenant, due_at=command.due_at
        )
        return [requested, scheduled]
    return [requested, _started(command.at, command.root, 0, evolve(job, requested))]


def start(command: StartSyncJob, job: SyncJob) -> Sequence[SyncJobEvent]:
    if not job.runs or job.runs[0].status is not JobStatus.PENDING:
        return []
    return [_started(command.at, command.root, 0, job)]


def _started(at: Instant, root: str, run: int, job: SyncJob, repeat_unconfirmed: bool = False) -> SyncJobStarted:
    return SyncJobStarted(
        at=at,
        root=root,
        run=run,
        tenant=job.tenant,
        was=job.runs[run].status,
        channels=job.runs[run].channels,
        kind=job.kind,
        source=job.source,
        document=job.document,
        document_id=job.document_id,
        summary=job.summary,
        pinned=job.pinned,
        options=job.options,
        repeat_unconfirmed=repeat_unconfirmed,
        created_at=job.runs[run].created_at,
    )


def read_document(command: ReadJobDocument, job: SyncJob) -> Sequence[SyncJobEvent]:
    if not _composes(job, command.run) or job.document is None:
        return []
    if command.code:
        return every_channel_failed(command.at, command.root, command.run, job, command.code, command.reason)
    return [
        SyncJobDocumentRead(
            at=command.at,
            root=command.root,
            run=command.run,
            tenant=job.tenant,
            document=job.document,
            version=command.version,
            channels=tuple(job.channels),
            options=job.options,
        )
    ]


def record_content(command: RecordJobContent, job: SyncJob) -> Sequence[SyncJobEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED or not _composes(job, command.run):
        return []
    if attempt.result is not Result.ACCEPTED or attempt.output is None:
        code = attempt.code or "unavailable"
        return every_channel_failed(command.at, command.root, command.run, job, code, attempt.reason)
    generated = SyncJobContentGenerated(
        at=command.at,
        root=command.root,
        run=command.run,
        tenant=job.tenant,
        document=job.document,
        version=command.version,
        content=attempt.output,
        channels=job.runs[command.run].channels,
        options=job.options,
    )
    if generated.channels:
        return [generated]
    return [generated, *run_ended(command.at, command.root, command.run, evolve(job, generated))]


def _composes(job: SyncJob, run: int) -> bool:
    """Whether the run is the current one, under way, and still without content."""
    return run == job.last and job.runs[run].status is JobStatus.IN_PROGRESS and not job.pinned


def retry(command: RetrySyncJob, job: SyncJob) -> Sequence[SyncJobEvent]:
    _check_known(command, job)
    last = job.runs[-1]
    if not last.status.over:
        raise NotRetryable(f"{job_id(command.root, job.last)} is {last.status}: a retry waits until it is over")
    channels = _left(command, job)
    retried = SyncJobRetried(
        at=command.at,
        root=command.root,
        run=job.last + 1,
        tenant=job.tenant,
        kind=job.kind,
        document_id=job.document_id,
        channels=channels,
        correlation_id=command.correlation_id or job.correlation_id,
        requested_by=command.requested_by,
    )
    retrying = evolve(job, retried)
    return [retried, _started(command.at, command.root, retried.run, retrying, command.repeat_unconfirmed)]


def _left(command: RetrySyncJob, job: SyncJob) -> tuple[Channel, ...]:
    """The channels to try again. Raises NotRetryable if there is none."""
    unconfirmed = job.in_phase(ChannelPhase.UNCONFIRMED)
    wanted = [ChannelPhase.OPEN, ChannelPhase.FAILED]
    channels = job.in_phase(*wanted, *([ChannelPhase.UNCONFIRMED] if command.repeat_unconfirmed else []))
    if channels:
        return channels
    if unconfirmed:
        raise NotRetryable(
            f"only {', '.join(unconfirmed)} could be tried again, and may have been delivered: "
            'look, then retry with {"repeat_unconfirmed": true}'
        )
    raise NotRetryable("every channel was delivered")


def cancel(command: CancelSyncJob, job: SyncJob) -> Sequence[SyncJobEvent]:
    _check_known(command, job)
    run = job.runs[command.run]
    if run.status is not JobStatus.PENDING:
        raise NotCancellable(f"only a job that waits for its time can be cancelled; this one is {run.status}")
    cancelled = SyncJobCancelled(
        at=command.at, root=command.root, run=command.run, tenant=job.tenant, cancelled_by=command.cancelled_by
    )
    failed = every_channel_failed(
        command.at, command.root, command.run, job, CANCELLED, "the job was cancelled before its time"
    )
    return [cancelled, *failed]


def _check_known(command: RetrySyncJob | CancelSyncJob, job: SyncJob) -> None:
    """Another tenant's job is unknown, so that nobody learns of it."""
    if command.run > job.last or command.tenant != job.tenant:
        raise UnknownJob("there is no such job")

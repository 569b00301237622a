"""A job that brings content to its channels, and all its retries: one stream, whose key is the job's root.

A channel that was delivered is never opened again, and one whose fate is unknown only by a person's word. So a retry
runs what is left. The content is pinned when it is first composed: every retry sends the same.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.calls.document import Source
from domain.content_generator.kinds import Channel, JobKind, JobStatus, Options
from domain.messages import Event, Instant


class ChannelResult(BaseModel):
    """What became of a channel. `status` is `sent`, `published` or `posted`, else `failed`, `unconfirmed`, `scheduled`.

    Of the other fields each kind of channel has its own: e-mail recipients and a job id, the website a content id and
    an address, networks a post id and an address.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str
    recipients: int | None = None
    job_id: str | None = None
    content_id: str | None = None
    post_id: str | None = None
    url: str | None = None


class ChannelError(BaseModel):
    """Why a channel was not delivered. `attempts` is 0 where nothing was tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel | None
    code: str
    message: str
    attempts: int
    at: Instant


class OfJob(Event):
    root: str
    run: int
    tenant: str


class SyncJobRequested(OfJob, name="content_generator.sync_job.requested.v1"):
    """A job. `document` is the key of the document's stream; a summary's job has none, and `summary` instead."""

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


class SyncJobScheduled(OfJob, name="content_generator.sync_job.scheduled.v1"):
    """The job waits for its time."""

    due_at: Instant


class SyncJobStarted(OfJob, name="content_generator.sync_job.started.v1"):
    """A run begins. `channels` are those it is to deliver; `pinned`: their content is known from an earlier run.

    `created_at` is the run's, as of all that move it between lists; older events do not have it.
    """

    was: JobStatus
    channels: tuple[Channel, ...]
    kind: JobKind
    source: Source | None
    document: str | None
    document_id: str
    summary: str | None
    pinned: bool
    options: Options
    repeat_unconfirmed: bool
    created_at: Instant | None = None


class SyncJobDocumentRead(OfJob, name="content_generator.sync_job.document_read.v1"):
    """The version of the document that is composed."""

    document: str
    summary: str | None = None
    version: int
    channels: tuple[Channel, ...]
    options: Options


class SyncJobContentGenerated(OfJob, name="content_generator.sync_job.content_generated.v1"):
    """The content, pinned for all runs: `Composed` in plain JSON, with document version and template version."""

    document: str | None
    version: int
    content: dict[str, JsonValue]
    channels: tuple[Channel, ...]
    options: Options
    repeat_unconfirmed: bool = False


class _OfChannel(OfJob):
    channel: Channel


class ChannelDelivered(_OfChannel, name="content_generator.sync_job.channel_delivered.v1"):
    result: ChannelResult


class ChannelFailed(_OfChannel, name="content_generator.sync_job.channel_failed.v1"):
    """Nothing reached the channel, or a campaign only some of its recipients; a retry tries it again."""

    error: ChannelError
    result: ChannelResult


class ChannelUnconfirmed(_OfChannel, name="content_generator.sync_job.channel_unconfirmed.v1"):
    """The channel may have been delivered: the provider gave no answer, and did not show it when asked."""

    error: ChannelError
    result: ChannelResult


class ChannelConfirmed(_OfChannel, name="content_generator.sync_job.channel_confirmed.v1"):
    """An unconfirmed channel turned out to be delivered; the run is restated."""

    result: ChannelResult


class _RunOver(OfJob):
    """The end of a run, whole: webhooks are made from it alone. `restated`: an earlier end was recorded before it.

    `counted_seconds` runs from the later of creation and due time; None for a run that never started.
    """

    was: JobStatus
    kind: JobKind
    document_id: str
    channels: tuple[Channel, ...]
    results: dict[Channel, ChannelResult]
    errors: tuple[ChannelError, ...]
    counted_seconds: float | None
    restated: bool = False
    created_at: Instant | None = None


class SyncJobCompleted(_RunOver, name="content_generator.sync_job.completed.v1"):
    pass


class SyncJobPartiallyCompleted(_RunOver, name="content_generator.sync_job.partially_completed.v1"):
    pass


class SyncJobFailed(_RunOver, name="content_generator.sync_job.failed.v1"):
    pass


class SyncJobRetried(OfJob, name="content_generator.sync_job.retried.v1"):
    """A retry was asked for. `run` is the new run's number, `channels` are those it is to deliver."""

    kind: JobKind
    document_id: str
    channels: tuple[Channel, ...]
    correlation_id: str
    requested_by: str


class SyncJobCancelled(OfJob, name="content_generator.sync_job.cancelled.v1"):
    """A waiting job was called off; its end follows as failed, with the code `cancelled`."""

    cancelled_by: str


RunOver = SyncJobCompleted | SyncJobPartiallyCompleted | SyncJobFailed
SyncJobEvent = (
    SyncJobRequested
    | SyncJobScheduled
    | SyncJobStarted
    | SyncJobDocumentRead
    | SyncJobContentGenerated
    | ChannelDelivered
    | ChannelFailed
    | ChannelUnconfirmed
    | ChannelConfirmed
    | SyncJobCompleted
    | SyncJobPartiallyCompleted
    | SyncJobFailed
    | SyncJobRetried
    | SyncJobCancelled
)


class ChannelPhase(StrEnum):
    """OPEN: no run is delivering it. UNDER_WAY: the current run is."""

    OPEN = "open"
    UNDER_WAY = "under_way"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class ChannelState(BaseModel):
    """The state of a channel. `run` is the last run that had it."""

    model_config = ConfigDict(frozen=True)

    phase: ChannelPhase = ChannelPhase.OPEN
    run: int = 0
    result: ChannelResult | None = None
    error: ChannelError | None = None


class RunState(BaseModel):
    """The state of a run."""

    model_config = ConfigDict(frozen=True)

    status: JobStatus
    channels: tuple[Channel, ...]
    created_at: Instant
    started: bool = False
    results: dict[Channel, ChannelResult] = {}
    errors: tuple[ChannelError, ...] = ()


class SyncJob(BaseModel):
    """The state of a job with its runs, by number."""

    model_config = ConfigDict(frozen=True)

    tenant: str = ""
    kind: JobKind = JobKind.SYNC
    source: Source | None = None
    document: str | None = None
    document_id: str = ""
    summary: str | None = None
    due_at: Instant | None = None
    correlation_id: str = ""
    options: Options = Options()
    pinned: bool = False
    channels: dict[Channel, ChannelState] = {}
    runs: tuple[RunState, ...] = ()

    @property
    def last(self) -> int:
        """The number of the latest run."""
        return len(self.runs) - 1

    def in_phase(self, *phases: ChannelPhase) -> tuple[Channel, ...]:
        """The channels in one of these phases, in the order in which they were asked for."""
        return tuple(channel for channel, state in self.channels.items() if state.phase in phases)


def evolve(job: SyncJob, event: SyncJobEvent) -> SyncJob:
    match event:
        case SyncJobRequested():
            return _requested(event)
        case SyncJobRetried():
            run = RunState(status=JobStatus.PENDING, channels=event.channels, created_at=event.at)
            return job.model_copy(update={"runs": (*job.runs, run)})
        case SyncJobScheduled() | SyncJobDocumentRead() | SyncJobCancelled():
            return job
        case SyncJobStarted():
            opened = {channel: ChannelState(phase=ChannelPhase.UNDER_WAY, run=event.run) for channel in event.channels}
            started = _with_run(job, event.run, status=JobStatus.IN_PROGRESS, started=True)
            return started.model_copy(update={"channels": job.channels | opened})
        case SyncJobContentGenerated():
            return job.model_copy(update={"pinned": True})
        case ChannelDelivered() | ChannelFailed() | ChannelUnconfirmed() | ChannelConfirmed():
            return _channel(job, event)
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            return _over(job, event)
        case _:
            assert_never(event)


def _requested(event: SyncJobRequested) -> SyncJob:
    return SyncJob(
        tenant=event.tenant,
        kind=event.kind,
        source=event.source,
        document=event.document,
        document_id=event.document_id,
        summary=event.summary,
        due_at=event.due_at,
        correlation_id=event.correlation_id,
        options=event.options,
        channels={channel: ChannelState() for channel in event.channels},
        runs=(RunState(status=JobStatus.PENDING, channels=event.channels, created_at=event.at),),
    )


def _with_run(job: SyncJob, number: int, **changes: object) -> SyncJob:
    run = job.runs[number].model_copy(update=changes)
    return job.model_copy(update={"runs": (*job.runs[:number], run, *job.runs[number + 1 :])})


PHASE_OF: dict[type[SyncJobEvent], ChannelPhase] = {
    ChannelDelivered: ChannelPhase.DELIVERED,
    ChannelConfirmed: ChannelPhase.DELIVERED,
    ChannelFailed: ChannelPhase.FAILED,
    ChannelUnconfirmed: ChannelPhase.UNCONFIRMED,
}
"""The phase that each answer gives a channel."""


def _channel(job: SyncJob, event: ChannelDelivered | ChannelFailed | ChannelUnconfirmed | ChannelConfirmed) -> SyncJob:
    error = event.error if isinstance(event, ChannelFailed | ChannelUnconfirmed) else None
    state = ChannelState(phase=PHASE_OF[type(event)], run=event.run, result=event.result, error=error)
    return job.model_copy(update={"channels": job.channels | {event.channel: state}})


STATUS_OF: dict[type[RunOver], JobStatus] = {
    SyncJobCompleted: JobStatus.COMPLETED,
    SyncJobPartiallyCompleted: JobStatus.PARTIAL,
    SyncJobFailed: JobStatus.FAILED,
}
"""The status that each end of a run gives it."""


def _over(job: SyncJob, event: RunOver) -> SyncJob:
    return _with_run(job, event.run, status=STATUS_OF[type(event)], results=event.results, errors=event.errors)

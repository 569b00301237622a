"""The end of a run: when every channel has its answer, the run is completed, partial or failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.content_generator.kinds import Channel
from domain.content_generator.sync_job import (
    ChannelError,
    ChannelFailed,
    ChannelPhase,
    ChannelResult,
    RunOver,
    SyncJob,
    SyncJobCompleted,
    SyncJobEvent,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    evolve,
)

FAILED = ChannelResult(status="failed")


def run_ended(at: datetime, root: str, run: int, job: SyncJob) -> list[SyncJobEvent]:
    """The end of a run, or its end anew; empty while a channel has no answer. `job` has every answer folded in."""
    states = {channel: job.channels[channel] for channel in job.runs[run].channels}
    mine = {channel: state for channel, state in states.items() if state.run == run}
    if any(state.phase in (ChannelPhase.OPEN, ChannelPhase.UNDER_WAY) for state in mine.values()):
        return []
    earlier = job.runs[run]
    results = dict(earlier.results) | {channel: state.result or FAILED for channel, state in mine.items()}
    before = {error.channel: error for error in earlier.errors}
    found = [mine[channel].error if channel in mine else before.get(channel) for channel in states]
    errors = tuple(error for error in found if error is not None)
    return [_over(at, root, run, job, {channel: results.get(channel, FAILED) for channel in states}, errors)]


def _over(
    at: datetime,
    root: str,
    run: int,
    job: SyncJob,
    results: dict[Channel, ChannelResult],
    errors: tuple[ChannelError, ...],
) -> RunOver:
    failed = {error.channel for error in errors}
    kind: type[RunOver] = SyncJobPartiallyCompleted
    if not failed:
        kind = SyncJobCompleted
    elif failed >= results.keys():
        kind = SyncJobFailed
    state = job.runs[run]
    return kind(
        at=at,
        root=root,
        run=run,
        tenant=job.tenant,
        was=state.status,
        kind=job.kind,
        document_id=job.document_id,
        channels=state.channels,
        results=results,
        errors=errors,
        counted_seconds=_seconds(at, run, job),
        restated=state.status.over,
        created_at=state.created_at,
    )


def _seconds(at: datetime, run: int, job: SyncJob) -> float | None:
    """Seconds since creation or, if that is later, since the due time; None for a run that never started."""
    state = job.runs[run]
    if not state.started:
        return None
    begun = state.created_at if run or job.due_at is None else max(state.created_at, job.due_at)
    return max(0.0, (at - begun).total_seconds())


def every_channel_failed(
    at: datetime, root: str, run: int, job: SyncJob, code: str, reason: str
) -> Sequence[SyncJobEvent]:
    """The failure of all that a run was to deliver, for one reason, before anything was tried."""
    failed = [
        ChannelFailed(
            at=at,
            root=root,
            run=run,
            tenant=job.tenant,
            channel=channel,
            error=ChannelError(channel=channel, code=code, message=reason, attempts=0, at=at),
            result=FAILED,
        )
        for channel in job.runs[run].channels
    ]
    for event in failed:
        job = evolve(job, event)
    return [*failed, *run_ended(at, root, run, job)]

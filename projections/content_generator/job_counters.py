"""Counters of sync jobs, retries too, by tenant, channel and status: metrics and totals of lists never count jobs.

The channel `all` stands for every job; under a channel's name those are counted that asked for it. `timed` counts the
jobs that were started and are over, `microseconds` is their time from the later of creation and due time to the first
end. Both stand where the first end put them: a restatement moves a job from one status to another, but not its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import Channel, JobKind, JobStatus
from domain.content_generator.sync_job import (
    STATUS_OF,
    RunOver,
    SyncJobCompleted,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    SyncJobRequested,
    SyncJobRetried,
    SyncJobStarted,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add

ALL = "all"
"""The channel of the counters of every job."""

Counted = SyncJobRequested | SyncJobRetried | SyncJobStarted | RunOver


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case (
            SyncJobRequested()
            | SyncJobRetried()
            | SyncJobStarted()
            | SyncJobCompleted()
            | SyncJobPartiallyCompleted()
            | SyncJobFailed()
        ) as fact if fact.kind is JobKind.SYNC:
            yield from _counts(fact)


def _counts(fact: Counted) -> Iterator[Change]:
    match fact:
        case SyncJobRequested() | SyncJobRetried():
            yield from _moved(fact.tenant, fact.channels, None, JobStatus.PENDING)
        case SyncJobStarted():
            yield from _moved(fact.tenant, fact.channels, fact.was, JobStatus.IN_PROGRESS)
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            status = STATUS_OF[type(fact)]
            yield from _moved(fact.tenant, fact.channels, fact.was, status)
            if fact.counted_seconds is not None and not fact.restated:
                microseconds = round(fact.counted_seconds * 1_000_000)
                yield add(fact.tenant, ALL, status.value, timed=1, microseconds=microseconds)
        case _:
            assert_never(fact)


def _moved(tenant: str, channels: tuple[Channel, ...], was: JobStatus | None, status: JobStatus) -> Iterator[Change]:
    for channel in (ALL, *(channel.value for channel in channels)):
        if was is not None:
            yield add(tenant, channel, was.value, jobs=-1)
        yield add(tenant, channel, status.value, jobs=1)


JOB_COUNTERS = ReadModel(
    "content_generator_job_counters",
    version=1,
    key=("tenant", "channel", "status"),
    project=project,
    ddl="""
    create table {table} (
        tenant          text not null,
        channel         text not null,
        status          text not null,
        jobs            bigint not null default 0,
        timed           bigint not null default 0,
        microseconds    bigint not null default 0,
        primary key (tenant, channel, status)
    );
""",
)

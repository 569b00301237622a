"""Counts of sync jobs by the hour of their creation, by which a page in the middle of a list is found.

They are kept by tenant, channel and status, as `JOB_COUNTERS` are; the status `all` stands for every job. A row counts
what a list with these filters shows of one hour, so a list's page begins in the hour in which the sum reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import JobKind, JobStatus
from domain.content_generator.sync_job import (
    STATUS_OF,
    SyncJobCompleted,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    SyncJobRequested,
    SyncJobRetried,
    SyncJobStarted,
)
from projections.content_generator.job_counters import ALL, Counted
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add

UNKNOWN = datetime.fromtimestamp(0, UTC)
"""The hour of moves whose events do not say when the job was created: where it counts any, hours are not gone by."""


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
            for channel in (ALL, *(channel.value for channel in fact.channels)):
                yield from _counts(fact, channel)


def _counts(fact: Counted, channel: str) -> Iterator[Change]:
    match fact:
        case SyncJobRequested() | SyncJobRetried():
            yield add(fact.tenant, channel, ALL, _hour(fact.at), jobs=1)
            yield add(fact.tenant, channel, JobStatus.PENDING.value, _hour(fact.at), jobs=1)
        case SyncJobStarted() | SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            status = JobStatus.IN_PROGRESS if isinstance(fact, SyncJobStarted) else STATUS_OF[type(fact)]
            hour = UNKNOWN if fact.created_at is None else _hour(fact.created_at)
            yield add(fact.tenant, channel, fact.was.value, hour, jobs=-1)
            yield add(fact.tenant, channel, status.value, hour, jobs=1)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


JOB_HOURS = ReadModel(
    "content_generator_job_hours",
    version=1,
    key=("tenant", "channel", "status", "hour"),
    project=project,
    ddl="""
    create table {table} (
        tenant          text not null,
        channel         text not null,
        status          text not null,
        hour            timestamptz not null,
        jobs            bigint not null default 0,
        primary key (tenant, channel, status, hour)
    );
""",
)

"""One row per run of a job and channel that it asked for: the channel's answer, and what lists by channel need.

`job_status` and `created_at` are the job's, so that a list of one channel is read from one index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import JobStatus, job_id
from domain.content_generator.sync_job import (
    PHASE_OF,
    STATUS_OF,
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelUnconfirmed,
    OfJob,
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
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfJob() as fact:
            yield from _changes(fact)


def _changes(fact: SyncJobEvent) -> Iterator[Change]:
    match fact:
        case SyncJobRequested() | SyncJobRetried():
            yield from _new(fact)
        case SyncJobStarted():
            yield from _status(fact, JobStatus.IN_PROGRESS)
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            yield from _status(fact, STATUS_OF[type(fact)])
        case ChannelDelivered() | ChannelFailed() | ChannelUnconfirmed() | ChannelConfirmed():
            yield _answer(fact)
        case SyncJobScheduled() | SyncJobDocumentRead() | SyncJobContentGenerated() | SyncJobCancelled():
            return
        case _:
            assert_never(fact)


def _new(fact: SyncJobRequested | SyncJobRetried) -> Iterator[Change]:
    for channel in fact.channels:
        yield put(
            job_id(fact.root, fact.run),
            channel.value,
            tenant=fact.tenant,
            kind=fact.kind.value,
            job_status=JobStatus.PENDING.value,
            created_at=fact.at,
        )


def _status(
    fact: SyncJobStarted | SyncJobCompleted | SyncJobPartiallyCompleted | SyncJobFailed, status: JobStatus
) -> Iterator[Change]:
    for channel in fact.channels:
        yield change(job_id(fact.root, fact.run), channel.value, job_status=status.value)


def _answer(fact: ChannelDelivered | ChannelFailed | ChannelUnconfirmed | ChannelConfirmed) -> Change:
    error = fact.error if isinstance(fact, ChannelFailed | ChannelUnconfirmed) else None
    return change(
        job_id(fact.root, fact.run),
        fact.channel.value,
        phase=PHASE_OF[type(fact)].value,
        answered_at=fact.at,
        result=fact.result.model_dump(exclude_none=True),
        error=None if error is None else error.model_dump(mode="json"),
    )


CHANNEL_STATES = ReadModel(
    "content_generator_channel_states",
    version=1,
    key=("job_id", "channel"),
    project=project,
    ddl="""
    create table {table} (
        job_id          text not null,
        channel         text not null,
        tenant          text not null,
        kind            text not null,
        job_status      text not null,
        created_at      timestamptz not null,
        phase           text,
        answered_at     timestamptz,
        result          jsonb,
        error           jsonb,
        primary key (job_id, channel)
    );
    create index on {table} (tenant, channel, created_at desc, job_id) where kind = 'sync';
    create index on {table} (tenant, channel, job_status, created_at desc, job_id) where kind = 'sync';
""",
)

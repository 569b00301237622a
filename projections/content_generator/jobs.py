"""One row per run of a job, under its public id: its status and, once it is over, the results and errors of channels.

A run that is restated keeps the time of its first end: `completed_at` belongs to the status that was told first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import JobStatus, job_id
from domain.content_generator.sync_job import (
    STATUS_OF,
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelUnconfirmed,
    OfJob,
    RunOver,
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
            row = _change(fact)
            if row is not None:
                yield row


def _change(fact: SyncJobEvent) -> Change | None:
    id_ = job_id(fact.root, fact.run)
    match fact:
        case SyncJobRequested():
            return _new(fact, due_at=fact.due_at)
        case SyncJobRetried():
            return _new(fact, due_at=None)
        case SyncJobStarted():
            return change(id_, status=JobStatus.IN_PROGRESS.value, started_at=fact.at)
        case SyncJobCompleted() | SyncJobPartiallyCompleted() | SyncJobFailed():
            return change(id_, **_end(fact))
        case SyncJobScheduled() | SyncJobDocumentRead() | SyncJobContentGenerated() | SyncJobCancelled():
            return None
        case ChannelDelivered() | ChannelFailed() | ChannelUnconfirmed() | ChannelConfirmed():
            return None
        case _:
            assert_never(fact)


def _new(fact: SyncJobRequested | SyncJobRetried, due_at: object) -> Change:
    return put(
        job_id(fact.root, fact.run),
        tenant=fact.tenant,
        kind=fact.kind.value,
        root=fact.root,
        run=fact.run,
        status=JobStatus.PENDING.value,
        channels=[channel.value for channel in fact.channels],
        document_id=fact.document_id,
        correlation_id=fact.correlation_id,
        created_at=fact.at,
        due_at=due_at,
    )


def _end(over: RunOver) -> dict[str, object]:
    return {
        "status": STATUS_OF[type(over)].value,
        "results": {channel.value: one.model_dump(exclude_none=True) for channel, one in over.results.items()},
        "errors": [error.model_dump(mode="json") for error in over.errors],
        "restated_at" if over.restated else "completed_at": over.at,
    }


JOBS = ReadModel(
    "content_generator_jobs",
    version=1,
    key=("job_id",),
    project=project,
    ddl="""
    create table {table} (
        job_id          text primary key,
        tenant          text not null,
        kind            text not null,
        root            text not null,
        run             int not null,
        status          text not null,
        channels        jsonb not null,
        document_id     text not null,
        correlation_id  text not null,
        created_at      timestamptz not null,
        due_at          timestamptz,
        started_at      timestamptz,
        completed_at    timestamptz,
        restated_at     timestamptz,
        results         jsonb,
        errors          jsonb
    );
    create index on {table} (tenant, created_at desc, job_id) where kind = 'sync';
    create index on {table} (tenant, status, created_at desc, job_id) where kind = 'sync';
""",
)

"""The last completed sync of a document, one row per partition: jobs of one document lie in several of them.

Between partitions nothing is ordered, so the latest is found by the query: a rebuild reads them in another order.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import JobKind
from domain.content_generator.sync_job import SyncJobCompleted
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case SyncJobCompleted(kind=JobKind.SYNC) as done:
            yield put(done.tenant, done.document_id, event.position.partition, completed_at=done.at)


SYNCS = ReadModel(
    "content_generator_syncs",
    version=1,
    key=("tenant", "document_id", "partition"),
    project=project,
    ddl="""
    create table {table} (
        tenant          text not null,
        document_id     text not null,
        partition       int not null,
        completed_at    timestamptz not null,
        primary key (tenant, document_id, partition)
    );
    create index on {table} (tenant, completed_at desc);
""",
)

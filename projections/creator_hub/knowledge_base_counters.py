"""One row per knowledge base that has had documents: how many there are, and their size."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.document import DocumentDeleted, DocumentUploaded
from domain.creator_hub.events import CreatorHubEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case DocumentUploaded() as fact:
            yield add(fact.knowledge_base_id, documents=1, size_bytes=fact.size)
        case DocumentDeleted() as fact:
            yield add(fact.knowledge_base_id, documents=-1, size_bytes=-fact.size)


KNOWLEDGE_BASE_COUNTERS = ReadModel(
    "creator_hub_knowledge_base_counters",
    version=1,
    key=("knowledge_base_id",),
    project=project,
    ddl="""
    create table {table} (
        knowledge_base_id text primary key,
        documents       bigint not null default 0,
        size_bytes      bigint not null default 0
    );
""",
)

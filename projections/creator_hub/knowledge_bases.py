"""One row per knowledge base."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.knowledge_base import KnowledgeBaseCreated
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case KnowledgeBaseCreated() as fact:
            about = {"knowledge_base_name": fact.knowledge_base_name, "description": fact.description}
            of = {"creator_id": fact.creator_id, "created_at": fact.at, "settings": fact.settings}
            yield put(fact.knowledge_base_id, **of, **about)


KNOWLEDGE_BASES = ReadModel(
    "creator_hub_knowledge_bases",
    version=1,
    key=("knowledge_base_id",),
    project=project,
    ddl="""
    create table {table} (
        knowledge_base_id text primary key,
        creator_id      text not null,
        knowledge_base_name text not null,
        description     text not null,
        settings        json not null,
        created_at      timestamptz not null
    );
    create index on {table} (creator_id, created_at);
""",
)

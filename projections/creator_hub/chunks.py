"""One row per chunk of a document, with its words and its vector. Queries join the documents that are completed.

The text of a document stands here alone: it is put together from its chunks. Vectors of several models, with their own
numbers of dimensions, stand in one column: queries compare those of one model.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.document import ChunksEmbedded, DocumentDeleted
from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.kinds import derived_id
from domain.creator_hub.vectors import decoded
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, delete, put

TEXT = "string_agg(lead || substr(content, repeated + 1), '' order by chunk_index)"
"""A document's text, over the rows of its chunks."""


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case ChunksEmbedded() as fact:
            yield from _chunks(fact)
        case DocumentDeleted() as fact:
            for index in range(fact.chunks):
                yield delete(fact.document_id, index)


def _chunks(fact: ChunksEmbedded) -> Iterator[Change]:
    """The chunks of a document that has been deleted since are None: nothing of them is needed any more."""
    of = {"creator_id": fact.creator_id, "knowledge_base_id": fact.knowledge_base_id}
    models = {"model": fact.model, "embedding_model": fact.embedding_model}
    for chunk in fact.chunks or ():
        yield put(
            fact.document_id,
            chunk.index,
            chunk_id=chunk_id(fact.document_id, chunk.index),
            first_character=chunk.start,
            last_character=chunk.end,
            lead=chunk.lead,
            repeated=chunk.repeated,
            page=chunk.page,
            content=chunk.text,
            embedding=_embedding(chunk.vector),
            **of,
            **models,
        )


def _embedding(vector: str) -> tuple[float, ...] | None:
    """None for what is no vector: such a chunk is found by its words alone, and the projection goes on."""
    try:
        return decoded(vector)
    except ValueError:
        return None


def chunk_id(document_id: str, index: int) -> str:
    """The id of a document's chunk."""
    return derived_id("chunk", document_id, index)


CHUNKS = ReadModel(
    "creator_hub_chunks",
    version=1,
    key=("document_id", "chunk_index"),
    project=project,
    subject="document_id",
    personal=("lead", "content", "embedding"),
    extensions=("vector",),
    ddl="""
    create table {table} (
        document_id     text not null,
        chunk_index     int not null,
        chunk_id        text not null,
        creator_id      text not null,
        knowledge_base_id text not null,
        model           text not null,
        embedding_model text not null,
        first_character int not null,
        last_character  int not null,
        lead            text,
        repeated        int not null,
        page            int,
        content         text,
        embedding       vector,
        tsv             tsvector generated always as (to_tsvector('simple', coalesce(content, ''))) stored,
        primary key (document_id, chunk_index)
    );
    alter table {table} alter column embedding set storage main;
    create index on {table} (creator_id, model);
    create index on {table} using gin (tsv);
""",
)

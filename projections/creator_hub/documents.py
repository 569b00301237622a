"""One row per document that is there: what it is, and how far it is processed."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from domain.creator_hub.document import (
    ChunksEmbedded,
    DocumentDeleted,
    DocumentEvent,
    DocumentExtracted,
    DocumentFailed,
    DocumentProcessed,
    DocumentPutOff,
    DocumentRetried,
    DocumentUpdated,
    DocumentUploaded,
    OfDocument,
    ProcessingStarted,
)
from domain.creator_hub.events import CreatorHubEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, delete, put


class ProcessingStatus(StrEnum):
    """A document that is put off is being processed still."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case DocumentUploaded() as fact:
            yield put(fact.document_id, **_uploaded(fact))
        case DocumentDeleted() as fact:
            yield delete(fact.document_id)
        case OfDocument() as fact:
            yield change(fact.document_id, **_columns(fact))


def _uploaded(fact: DocumentUploaded) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "knowledge_base_id": fact.knowledge_base_id,
        "title": fact.title,
        "file_name": fact.file_name,
        "file_type": fact.file_type,
        "size_bytes": fact.size,
        "metadata": fact.metadata,
        "status": ProcessingStatus.PENDING.value,
        "created_at": fact.at,
        "updated_at": fact.at,
    }


NO_FAULT: dict[str, object] = {"code": None, "reason": None, "resume_at": None}


def _columns(fact: DocumentEvent) -> dict[str, object]:
    match fact:
        case ProcessingStarted():
            return {"status": ProcessingStatus.PROCESSING.value, "resume_at": None}
        case DocumentExtracted():
            return {"chunks_planned": fact.plan.chunks}
        case ChunksEmbedded():
            return {"chunks_embedded": fact.first + fact.count, "model": fact.model}
        case DocumentUpdated():
            return {"title": fact.title, "metadata": fact.metadata, "updated_at": fact.at}
        case DocumentPutOff() | DocumentProcessed() | DocumentFailed() | DocumentRetried():
            return _between_rounds(fact)
        case DocumentUploaded() | DocumentDeleted():
            return {}
        case _:
            assert_never(fact)


def _between_rounds(
    fact: DocumentPutOff | DocumentProcessed | DocumentFailed | DocumentRetried,
) -> dict[str, object]:
    match fact:
        case DocumentPutOff():
            return {"code": fact.code, "resume_at": fact.resume_at}
        case DocumentProcessed():
            done = {"status": ProcessingStatus.COMPLETED.value, "chunk_count": fact.chunks, "processed_at": fact.at}
            return NO_FAULT | done
        case DocumentFailed():
            why = {"code": fact.code, "reason": fact.reason, "resume_at": None}
            return {"status": ProcessingStatus.FAILED.value, **why}
        case DocumentRetried():
            return NO_FAULT | {"status": ProcessingStatus.PENDING.value}
        case _:
            assert_never(fact)


DOCUMENTS = ReadModel(
    "creator_hub_documents",
    version=1,
    key=("document_id",),
    project=project,
    subject="document_id",
    personal=("title", "file_name", "metadata", "reason"),
    ddl="""
    create table {table} (
        document_id     text primary key,
        creator_id      text not null,
        knowledge_base_id text not null,
        title           text,
        file_name       text,
        file_type       text not null,
        size_bytes      bigint not null,
        metadata        json,
        status          text not null,
        chunk_count     int not null default 0,
        chunks_planned  int,
        chunks_embedded int not null default 0,
        model           text,
        code            text,
        reason          text,
        resume_at       timestamptz,
        created_at      timestamptz not null,
        updated_at      timestamptz not null,
        processed_at    timestamptz
    );
    create index on {table} (knowledge_base_id, created_at);
""",
)

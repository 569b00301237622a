"""A document: upload, rounds of extraction and embedding, changes, and deletion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Self, TypedDict

from pydantic import JsonValue, TypeAdapter, ValidationError

from commands.creator_hub.knowledge_base import UnknownKnowledgeBase
from commands.creator_hub.rounds import resume_at
from domain.creator_hub.document import (
    ChunksEmbedded,
    Document,
    DocumentDeleted,
    DocumentEvent,
    DocumentExtracted,
    DocumentFailed,
    DocumentPhase,
    DocumentProcessed,
    DocumentPutOff,
    DocumentRetried,
    DocumentUpdated,
    DocumentUploaded,
    EmbeddedChunk,
    Plan,
    ProcessingStarted,
)
from domain.creator_hub.knowledge_base import KnowledgeBase
from domain.messages import Attempt, Command, ObjectId, Personal, Refused, ReplyAboutPerson, Result

CHUNKS = TypeAdapter(tuple[EmbeddedChunk, ...])


class UnknownDocument(Refused, name="creator_hub.unknown_document"):
    """The knowledge base has no document of this id. 404."""


class NotFailed(Refused, name="creator_hub.not_failed"):
    """Only a failed document is processed again. 422."""


class OfDocument(Command, subject="document_id"):
    creator_id: str
    knowledge_base_id: str
    document_id: str


class UploadDocument(OfDocument, name="creator_hub.document.upload.v1", key="creator_id"):
    """Take in a file whose bytes are stored as an object."""

    title: Personal[str]
    file_name: Personal[str]
    file_type: str
    metadata: Personal[dict[str, JsonValue]]
    sha256: str
    size: int
    object_id: ObjectId


class ProcessDocument(OfDocument, name="creator_hub.document.process.v1", key="creator_id"):
    """Begin the round `round`."""

    round: int


class RecordExtraction(
    ReplyAboutPerson, name="creator_hub.document.record_extraction.v1", key="creator_id", subject="document_id"
):
    creator_id: str
    knowledge_base_id: str
    document_id: str
    round: int


class RecordBatch(
    ReplyAboutPerson, name="creator_hub.document.record_batch.v1", key="creator_id", subject="document_id"
):
    """The answer about the chunks from `first` on. What they say is kept apart from the attempt, sealed."""

    creator_id: str
    knowledge_base_id: str
    document_id: str
    round: int
    first: int
    batch: Personal[dict[str, JsonValue]] = None

    @property
    def holds_personal(self) -> bool:
        return self.batch is not None or super().holds_personal

    def answered(self, attempt: Attempt, at: datetime) -> Self:
        """This reply with the attempt, whose output becomes the batch."""
        apart = super().answered(attempt.model_copy(update={"output": None}), at)
        return apart.model_copy(update={"batch": attempt.output})


class RetryDocument(OfDocument, name="creator_hub.document.retry.v1", key="creator_id"):
    """Begin another round of a failed document, at the first chunk that is missing."""


class UpdateDocument(OfDocument, name="creator_hub.document.update.v1", key="creator_id"):
    """Change title or metadata; None for what stays."""

    title: Personal[str]
    metadata: Personal[dict[str, JsonValue]]


class DeleteDocument(OfDocument, name="creator_hub.document.delete.v1", key="creator_id"):
    """Remove it from the index and destroy its key."""


class _Fields(TypedDict):
    at: datetime
    creator_id: str
    knowledge_base_id: str
    document_id: str


def _fields(command: OfDocument | RecordExtraction | RecordBatch) -> _Fields:
    return {
        "at": command.at,
        "creator_id": command.creator_id,
        "knowledge_base_id": command.knowledge_base_id,
        "document_id": command.document_id,
    }


def upload(command: UploadDocument, _document: Document, base: KnowledgeBase) -> Sequence[DocumentEvent]:
    if base.chunking is None:
        raise UnknownKnowledgeBase("there is no such knowledge base")
    return [DocumentUploaded(**command.model_dump(), chunking=base.chunking)]


def process(command: ProcessDocument, document: Document) -> Sequence[DocumentEvent]:
    waits = document.phase in (DocumentPhase.PENDING, DocumentPhase.PUT_OFF)
    if not waits or command.round != document.round + 1:
        return []
    return [
        ProcessingStarted(
            **_fields(command),
            round=command.round,
            object_id=document.object_id,
            file_type=document.file_type,
            chunking=document.chunking,
            plan=document.plan,
            first=document.first,
        )
    ]


def record_extraction(command: RecordExtraction, document: Document) -> Sequence[DocumentEvent]:
    if not _is_open(document, command.round) or document.plan is not None:
        return []
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED:
        return [_over(command, document, attempt)]
    plan = _plan_in(attempt)
    if plan is None or plan.chunks == 0:
        return [DocumentFailed(**_fields(command), round=command.round, code="no_text", reason=NO_TEXT)]
    model = document.chunking.embedding_model
    return [DocumentExtracted(**_fields(command), round=command.round, plan=plan, embedding_model=model)]


NO_TEXT = "there is no text in it"


def _plan_in(attempt: Attempt) -> Plan | None:
    try:
        return Plan.model_validate(attempt.output)
    except ValidationError:
        return None


def _is_open(document: Document, round_: int) -> bool:
    return document.phase is DocumentPhase.PROCESSING and document.round == round_


def _over(command: RecordExtraction | RecordBatch, document: Document, attempt: Attempt) -> DocumentEvent:
    """The end of a round: put off while there are pauses left for a call that was worn out, else failed."""
    code = attempt.code or "no_answer"
    again = resume_at(attempt, document.worn_out, command.at)
    if again is not None:
        return DocumentPutOff(**_fields(command), round=command.round, code=code, resume_at=again)
    return DocumentFailed(**_fields(command), round=command.round, code=code, reason=command.reason or code)


def record_batch(command: RecordBatch, document: Document) -> Sequence[DocumentEvent]:
    if not _is_open(document, command.round) or command.first != document.first or document.plan is None:
        return []
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED:
        return [_over(command, document, attempt)]
    return list(_embedded(command, document, document.plan))


def _embedded(command: RecordBatch, document: Document, plan: Plan) -> Iterator[DocumentEvent]:
    batch: dict[str, Any] = command.batch or {}
    chunks = _chunks_in(batch, command.first, plan)
    if not chunks:
        reason = "the batch of chunks is not the one that was asked for"
        yield DocumentFailed(**_fields(command), round=command.round, code="wrong_batch", reason=reason)
        return
    yield ChunksEmbedded(
        **_fields(command),
        round=command.round,
        first=command.first,
        count=len(chunks),
        plan=plan,
        embedding_model=document.chunking.embedding_model,
        model=str(batch.get("model", "")),
        tokens=tokens if isinstance(tokens := batch.get("tokens"), int) else 0,
        chunks=chunks,
    )
    if command.first + len(chunks) == plan.chunks:
        yield DocumentProcessed(**_fields(command), chunks=plan.chunks)


def _chunks_in(batch: dict[str, Any], first: int, plan: Plan) -> tuple[EmbeddedChunk, ...]:
    try:
        chunks = CHUNKS.validate_python(batch.get("chunks", ()))
    except ValidationError:
        return ()
    expected = list(range(first, first + len(chunks)))
    fits = [one.index for one in chunks] == expected and first + len(chunks) <= plan.chunks
    return chunks if fits else ()


def retry(command: RetryDocument, document: Document) -> Sequence[DocumentEvent]:
    _check_there(command, document)
    if document.phase is not DocumentPhase.FAILED:
        raise NotFailed("only a failed document can be processed again")
    return [DocumentRetried(**_fields(command), round=document.round + 1)]


def update(command: UpdateDocument, document: Document) -> Sequence[DocumentEvent]:
    _check_there(command, document)
    title = document.title if command.title is None else command.title
    metadata = document.metadata if command.metadata is None else command.metadata
    if (title, metadata) == (document.title, document.metadata):
        return []
    return [DocumentUpdated(**_fields(command), title=title, metadata=metadata)]


def delete(command: DeleteDocument, document: Document) -> Sequence[DocumentEvent]:
    _check_there(command, document)
    return [
        DocumentDeleted(
            **_fields(command),
            chunks=document.first,
            size=document.size,
            round=document.round,
            first=document.first,
            objects=document.objects,
        )
    ]


def _check_there(command: OfDocument, document: Document) -> None:
    """Raise UnknownDocument for one that never was, is no more, or is another base's."""
    if not document.is_there or document.knowledge_base_id != command.knowledge_base_id:
        raise UnknownDocument("there is no such document")

"""A document of a knowledge base: uploaded, extracted, embedded in batches that are each an event, and deleted.

The subject is the document itself: deleting it destroys its key. A round is a sequence of calls until one is refused
or worn out; the next round goes on at the first chunk that is missing, so that no paid batch is paid again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import OfCreator
from domain.creator_hub.knowledge_base import Chunking
from domain.messages import ForgottenObject, Instant, ObjectId, Personal, Remark


class EmbeddedChunk(BaseModel):
    """A chunk with its vector (float16, little-endian, base64). `start` and `end` count characters of the text.

    `lead` is the text between the chunk before and this one; `repeated` counts the characters that both hold. So the
    text is put together from the chunks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    text: str
    start: int
    end: int
    lead: str
    repeated: int
    page: int | None
    vector: str


class Plan(BaseModel):
    """What extraction gave: sealed objects with the text and the chunks' spans, made by one version of the splitter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text_object: ObjectId
    plan_object: ObjectId
    chunks: int
    characters: int
    splitter: str


class OfDocument(OfCreator, subject="document_id"):
    knowledge_base_id: str
    document_id: str


class DocumentUploaded(OfDocument, name="creator_hub.document.uploaded.v1"):
    """`file_type` is the extension in lower case; `size` counts bytes; `sha256` is hexadecimal."""

    title: Personal[str]
    file_name: Personal[str]
    file_type: str
    metadata: Personal[dict[str, JsonValue]]
    sha256: str
    size: int
    object_id: ObjectId
    chunking: Chunking


class ProcessingStarted(OfDocument, name="creator_hub.document.processing_started.v1"):
    """A round begins: with the extraction while there is no plan, else with the chunk `first`. Rounds count from 1."""

    round: int
    object_id: str
    file_type: str
    chunking: Chunking
    plan: Plan | None
    first: int


class DocumentExtracted(OfDocument, name="creator_hub.document.extracted.v1"):
    round: int
    plan: Plan
    embedding_model: str


class ChunksEmbedded(OfDocument, name="creator_hub.document.chunks_embedded.v1"):
    """A batch of chunks, from `first` on. `model` is the one that was used, `tokens` what the provider counted."""

    round: int
    first: int
    count: int
    plan: Plan
    embedding_model: str
    model: str
    tokens: int
    chunks: Personal[tuple[EmbeddedChunk, ...]]


class DocumentPutOff(OfDocument, name="creator_hub.document.put_off.v1"):
    """A round ended as a call was worn out; the next one begins at `resume_at`."""

    round: int
    code: str
    resume_at: Instant


class DocumentProcessed(OfDocument, name="creator_hub.document.processed.v1"):
    chunks: int


class DocumentFailed(OfDocument, name="creator_hub.document.failed.v1"):
    round: int
    code: str
    reason: Remark


class DocumentRetried(OfDocument, name="creator_hub.document.retried.v1"):
    """`round` is the one that is to begin."""

    round: int


class DocumentUpdated(OfDocument, name="creator_hub.document.updated.v1"):
    """Title and metadata, whole, from here on."""

    title: Personal[str]
    metadata: Personal[dict[str, JsonValue]]


class DocumentDeleted(OfDocument, name="creator_hub.document.deleted.v1"):
    """`chunks` counts its chunks so far. `round` is the open one, whose call is withdrawn."""

    chunks: int
    size: int
    round: int
    first: int
    objects: tuple[ForgottenObject, ...]


DocumentEvent = (
    DocumentUploaded
    | ProcessingStarted
    | DocumentExtracted
    | ChunksEmbedded
    | DocumentPutOff
    | DocumentProcessed
    | DocumentFailed
    | DocumentRetried
    | DocumentUpdated
    | DocumentDeleted
)


class DocumentPhase(StrEnum):
    """PENDING: a round is to begin. PUT_OFF: it begins later."""

    ABSENT = "absent"
    PENDING = "pending"
    PROCESSING = "processing"
    PUT_OFF = "put_off"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"


class Document(BaseModel):
    """The state. `first` is the next chunk to embed; `worn_out` counts the rounds that were worn out in a row."""

    model_config = ConfigDict(frozen=True)

    phase: DocumentPhase = DocumentPhase.ABSENT
    knowledge_base_id: str = ""
    title: str | None = None
    metadata: dict[str, JsonValue] | None = None
    file_type: str = ""
    object_id: str = ""
    size: int = 0
    chunking: Chunking = Chunking()
    plan: Plan | None = None
    first: int = 0
    round: int = 0
    worn_out: int = 0

    @property
    def is_there(self) -> bool:
        return self.phase not in (DocumentPhase.ABSENT, DocumentPhase.DELETED)

    @property
    def objects(self) -> tuple[str, ...]:
        """The ids of its objects."""
        made = () if self.plan is None else (self.plan.text_object, self.plan.plan_object)
        return (self.object_id, *made)


def evolve(document: Document, event: DocumentEvent) -> Document:
    match event:
        case DocumentUploaded():
            return _uploaded(event)
        case ProcessingStarted():
            return document.model_copy(update={"phase": DocumentPhase.PROCESSING, "round": event.round})
        case DocumentExtracted():
            return document.model_copy(update={"plan": event.plan, "worn_out": 0})
        case ChunksEmbedded():
            return document.model_copy(update={"first": event.first + event.count, "worn_out": 0})
        case DocumentPutOff() | DocumentProcessed() | DocumentFailed() | DocumentRetried():
            return _between_rounds(document, event)
        case DocumentUpdated():
            return document.model_copy(update={"title": event.title, "metadata": event.metadata})
        case DocumentDeleted():
            return Document(phase=DocumentPhase.DELETED)
        case _:
            assert_never(event)


def _between_rounds(
    document: Document, event: DocumentPutOff | DocumentProcessed | DocumentFailed | DocumentRetried
) -> Document:
    match event:
        case DocumentPutOff():
            return document.model_copy(update={"phase": DocumentPhase.PUT_OFF, "worn_out": document.worn_out + 1})
        case DocumentProcessed():
            return document.model_copy(update={"phase": DocumentPhase.COMPLETED})
        case DocumentFailed():
            return document.model_copy(update={"phase": DocumentPhase.FAILED})
        case DocumentRetried():
            return document.model_copy(update={"phase": DocumentPhase.PENDING, "worn_out": 0})
        case _:
            assert_never(event)


def _uploaded(event: DocumentUploaded) -> Document:
    return Document(
        phase=DocumentPhase.PENDING,
        knowledge_base_id=event.knowledge_base_id,
        title=event.title,
        metadata=event.metadata,
        file_type=event.file_type,
        object_id=event.object_id,
        size=event.size,
        chunking=event.chunking,
    )

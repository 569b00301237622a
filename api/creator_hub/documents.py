"""Documents of a knowledge base: uploaded as files, processed behind, listed, changed and deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field, JsonValue

from api.auth import Caller
from api.creator_hub.access import CREATOR, FILE_UPLOADS, READ
from api.creator_hub.dependencies import NAME, Own
from api.creator_hub.fields import Body, Id, JsonMap, Name, PageNumber, PageSize, Search, Shown, not_there
from api.creator_hub.schemas import Pagination, blank
from api.errors import FieldError, invalid
from api.multipart import Part
from api.routing import LeanRoute
from api.surface import Act, Read, may
from api.uploads import FORM_JSON, Upload, UploadRoute, form_of
from commands.creator_hub.document import DeleteDocument, RetryDocument, UpdateDocument, UploadDocument
from documents.file_types import UnsupportedFile, file_type
from domain.creator_hub.document import DocumentUploaded
from projections.creator_hub.documents import ProcessingStatus
from projections.creator_hub.queries.documents import (
    ChunkRow,
    DocumentRow,
    chunks_of,
    content_of,
    document_by_id,
    documents_page,
)
from projections.creator_hub.queries.knowledge_bases import knowledge_base_by_id
from streams.core.read_models import Row
from streams.postgres.sealed_store import Owner

PREFIX, TAG = "/api/v1/knowledge-bases/{knowledge_base_id}/documents", "Knowledge Management API"
uploads = APIRouter(route_class=UploadRoute, prefix=PREFIX, tags=[TAG])
router = APIRouter(route_class=LeanRoute, prefix=PREFIX, tags=[TAG])
extensions = APIRouter(route_class=LeanRoute, prefix=PREFIX, tags=["Extensions"])

Status = Literal["pending", "processing", "completed", "failed"]


class DocumentForm(Body):
    """The texts beside the file. Without a title it is the file's name; `metadata` is a JSON object."""

    title: Name | None = None
    metadata: Annotated[JsonMap, FORM_JSON] = Field(default_factory=dict)


class DocumentChanges(Body):
    """The parts to change, each whole: the other stays."""

    title: Name | None = None
    metadata: JsonMap | None = None


class UploadedDocument(BaseModel):
    """A document as it was taken in. `file_type` is the extension of its type."""

    id: str
    title: str
    file_type: str
    file_size_bytes: int
    processing_status: Status
    created_at: Shown


class DocumentSummary(UploadedDocument):
    chunk_count: int


class DocumentsAnswer(BaseModel):
    documents: list[DocumentSummary]
    pagination: Pagination


class DocumentAnswer(DocumentSummary):
    metadata: dict[str, JsonValue]
    updated_at: Shown


class ProcessingAnswer(BaseModel):
    """How far a document is: chunks that are embedded, of all; and why it failed, or waits until `resume_at`."""

    chunks_embedded: int
    chunks_planned: int | None
    model: str | None
    code: str | None
    reason: str | None
    resume_at: Shown | None


class ChunkAnswer(BaseModel):
    """A chunk. `metadata` has its place in the text in characters, `start` and `end`, and its page if there are any."""

    id: str
    chunk_index: int
    content: str
    metadata: dict[str, JsonValue]


class DocumentDetails(DocumentSummary):
    """A document with its text and chunks, which there are none of until it is completed."""

    content: str
    metadata: dict[str, JsonValue]
    processed_at: Shown | None
    chunks: list[ChunkAnswer]
    processing: ProcessingAnswer | None = None


class RetriedDocument(BaseModel):
    id: str
    processing_status: Status = "pending"


class DeletedDocument(BaseModel):
    message: str = "Document deleted successfully"


@uploads.post("", status_code=201)
async def upload(
    knowledge_base_id: Id,
    caller: Annotated[Caller, may(CREATOR, limit=FILE_UPLOADS)],
    act: Act,
    form: Annotated[Upload[DocumentForm], form_of(DocumentForm)],
    reads: Read,
    own: Own,
) -> UploadedDocument:
    """Upload a document: PDF, DOCX, TXT, MD, HTML or CSV. It is cut and embedded behind this answer."""
    base_id, document_id = str(knowledge_base_id), str(act.new_id("document"))
    async with reads.connection() as connection:
        await _check_base(connection, caller.subject, base_id)
    owner = Owner(NAME, caller.subject, f"{NAME}:{document_id}")
    received = await form.receive(own.objects, owner, own.largest_upload, act.new_id("object"), _check_type)
    file, fields = received.file, received.fields
    command = UploadDocument(
        at=act.at,
        creator_id=caller.subject,
        knowledge_base_id=base_id,
        document_id=document_id,
        title=fields.title or file.name,
        file_name=file.name,
        file_type=_type_of(file.name),
        metadata=fields.metadata,
        sha256=file.stored.sha256,
        size=file.stored.size,
        object_id=file.stored.id,
    )
    made = (await act.submit(command)).only(DocumentUploaded)
    return UploadedDocument(
        id=made.document_id,
        title=made.title or "",
        file_type=made.file_type,
        file_size_bytes=made.size,
        processing_status="pending",
        created_at=made.at,
    )


@router.get("")
async def list_(
    knowledge_base_id: Id,
    caller: Annotated[Caller, may(READ)],
    reads: Read,
    page: PageNumber = 1,
    limit: PageSize = 20,
    status: ProcessingStatus | None = None,
    search: Search | None = None,
) -> DocumentsAnswer:
    """List documents, the newest first. `search` is a part of the title, whose hits come first, or of the text."""
    base_id = str(knowledge_base_id)
    async with reads.connection() as connection:
        await _check_base(connection, caller.subject, base_id)
        found = await documents_page(connection, caller.subject, base_id, status, blank(search), page, limit)
    shown = [DocumentSummary.model_validate(_fields(row)) for row in found.rows]
    return DocumentsAnswer(documents=shown, pagination=Pagination.of(page, limit, found.total))


@router.get("/{document_id}")
async def get(
    knowledge_base_id: Id, document_id: Id, caller: Annotated[Caller, may(READ)], reads: Read
) -> DocumentDetails:
    """Show a document with its text and chunks."""
    async with reads.connection() as connection:
        row = await _found(connection, caller.subject, str(knowledge_base_id), str(document_id))
        content = await content_of(connection, caller.subject, row.document_id)
        chunks = await chunks_of(connection, caller.subject, row.document_id)
    more = {
        "content": content,
        "metadata": row.metadata,
        "processed_at": row.processed_at,
        "chunks": [_chunk(one) for one in chunks],
        "processing": _processing(row),
    }
    return DocumentDetails.model_validate(_fields(row) | more)


@router.put("/{document_id}")
async def update(
    knowledge_base_id: Id, document_id: Id, body: DocumentChanges, caller: Annotated[Caller, may(CREATOR)], act: Act
) -> DocumentAnswer:
    """Change a document's title or metadata."""
    command = UpdateDocument(
        at=act.at,
        creator_id=caller.subject,
        knowledge_base_id=str(knowledge_base_id),
        document_id=str(document_id),
        title=body.title,
        metadata=body.metadata,
    )
    async with (await act.covered(await act.submit(command))).connection() as connection:
        row = await _found(connection, caller.subject, command.knowledge_base_id, command.document_id)
    more = {"metadata": row.metadata, "updated_at": row.updated_at}
    return DocumentAnswer.model_validate(_fields(row) | more)


@router.delete("/{document_id}")
async def delete(
    knowledge_base_id: Id, document_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act
) -> DeletedDocument:
    """Delete a document: its words are in no index and no log afterwards."""
    command = DeleteDocument(
        at=act.at,
        creator_id=caller.subject,
        knowledge_base_id=str(knowledge_base_id),
        document_id=str(document_id),
    )
    await act.submit(command)
    return DeletedDocument()


@extensions.post("/{document_id}/retry")
async def retry(
    knowledge_base_id: Id, document_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act
) -> RetriedDocument:
    """Process a failed document again, from the first chunk that is missing."""
    command = RetryDocument(
        at=act.at,
        creator_id=caller.subject,
        knowledge_base_id=str(knowledge_base_id),
        document_id=str(document_id),
    )
    await act.submit(command)
    return RetriedDocument(id=command.document_id)


def _check_type(part: Part, head: bytes) -> None:
    """Raise ApiError 400 for a file whose text cannot be extracted: its content has to be what its name says."""
    try:
        file_type(head, part.label)
    except UnsupportedFile as unsupported:
        raise invalid([FieldError("file", str(unsupported), missing=False)]) from None


def _type_of(name: str) -> str:
    """The type that the name of a checked file says."""
    return EXTENSIONS.get(name.rpartition(".")[2].lower(), name.rpartition(".")[2].lower())


EXTENSIONS = {"text": "txt", "markdown": "md", "htm": "html"}
"""Extensions that mean the same as others."""


async def _check_base(connection: AsyncConnection[Row], creator_id: str, base_id: str) -> None:
    if await knowledge_base_by_id(connection, creator_id, base_id) is None:
        raise not_there()


async def _found(connection: AsyncConnection[Row], creator_id: str, base_id: str, document_id: str) -> DocumentRow:
    row = await document_by_id(connection, creator_id, base_id, document_id)
    if row is None:
        raise not_there()
    return row


def _fields(row: DocumentRow) -> dict[str, object]:
    return {
        "id": row.document_id,
        "title": row.title,
        "file_type": row.file_type,
        "file_size_bytes": row.size_bytes,
        "processing_status": row.status.value,
        "created_at": row.created_at,
        "chunk_count": row.chunk_count,
    }


def _chunk(row: ChunkRow) -> ChunkAnswer:
    place: dict[str, JsonValue] = {"start": row.start, "end": row.end}
    page: dict[str, JsonValue] = {} if row.page is None else {"page": row.page}
    return ChunkAnswer(id=row.chunk_id, chunk_index=row.chunk_index, content=row.content, metadata=place | page)


def _processing(row: DocumentRow) -> ProcessingAnswer:
    return ProcessingAnswer(
        chunks_embedded=row.chunks_embedded,
        chunks_planned=row.chunks_planned,
        model=row.model,
        code=row.code,
        reason=row.reason,
        resume_at=row.resume_at,
    )

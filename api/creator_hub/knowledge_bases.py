"""Knowledge bases: sets of documents, with how they are cut into chunks and embedded."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from api.auth import Caller
from api.creator_hub.access import CREATOR, READ
from api.creator_hub.fields import (
    Body,
    Description,
    Id,
    ModelName,
    Name,
    PageNumber,
    PageSize,
    Shown,
    check_map,
    not_there,
)
from api.creator_hub.schemas import Pagination
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.creator_hub.knowledge_base import CreateKnowledgeBase
from domain.creator_hub.knowledge_base import (
    DEFAULT_CHUNK_SIZE,
    DEFAULT_MODEL,
    LEAST_CHUNK_SIZE,
    MOST_CHUNK_SIZE,
    Chunking,
    KnowledgeBaseCreated,
    default_overlap,
)
from projections.creator_hub.queries.knowledge_bases import KnowledgeBaseRow, knowledge_base_by_id, knowledge_bases_page

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/knowledge-bases", tags=["Knowledge Management API"])
extensions = APIRouter(route_class=LeanRoute, prefix="/api/v1/knowledge-bases", tags=["Extensions"])


class KnowledgeBaseSettings(Body):
    """How documents are cut, in characters, and embedded. An overlap that is not given is at most a fifth."""

    model_config = ConfigDict(extra="allow")

    chunk_size: Annotated[int, Field(strict=True, ge=LEAST_CHUNK_SIZE, le=MOST_CHUNK_SIZE)] = DEFAULT_CHUNK_SIZE
    chunk_overlap: Annotated[int, Field(strict=True, ge=0, le=MOST_CHUNK_SIZE // 2)] | None = None
    embedding_model: ModelName = DEFAULT_MODEL

    @field_validator("chunk_overlap")
    @classmethod
    def _half(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and 2 * value > info.data.get("chunk_size", MOST_CHUNK_SIZE):
            raise ValueError("must be at most half of chunk_size")
        return value

    @property
    def chunking(self) -> Chunking:
        overlap = default_overlap(self.chunk_size) if self.chunk_overlap is None else self.chunk_overlap
        return Chunking(chunk_size=self.chunk_size, chunk_overlap=overlap, embedding_model=self.embedding_model)

    @property
    def stored(self) -> dict[str, JsonValue]:
        """The map that answers show: with defaults, and whatever else was given."""
        return {**(self.__pydantic_extra__ or {}), **self.chunking.model_dump()}


def _bounded(settings: KnowledgeBaseSettings) -> KnowledgeBaseSettings:
    check_map(settings.stored)
    return settings


class KnowledgeBaseBody(Body):
    name: Name
    description: Description = ""
    settings: Annotated[KnowledgeBaseSettings, AfterValidator(_bounded)] = Field(default_factory=KnowledgeBaseSettings)


class KnowledgeBaseAnswer(BaseModel):
    id: str
    name: str
    description: str
    settings: dict[str, JsonValue]
    created_at: Shown
    document_count: int = 0
    total_size_bytes: int = 0


@router.post("", status_code=201)
async def create(body: KnowledgeBaseBody, caller: Annotated[Caller, may(CREATOR)], act: Act) -> KnowledgeBaseAnswer:
    """Make a knowledge base."""
    command = CreateKnowledgeBase(
        at=act.at,
        creator_id=caller.subject,
        knowledge_base_id=str(act.new_id("knowledge base")),
        knowledge_base_name=body.name,
        description=body.description,
        settings=body.settings.stored,
        chunking=body.settings.chunking,
    )
    made = (await act.submit(command)).only(KnowledgeBaseCreated)
    return KnowledgeBaseAnswer(
        id=made.knowledge_base_id,
        name=made.knowledge_base_name,
        description=made.description,
        settings=made.settings,
        created_at=made.at,
    )


class KnowledgeBasesAnswer(BaseModel):
    knowledge_bases: list[KnowledgeBaseAnswer]
    pagination: Pagination


@extensions.get("")
async def list_(
    caller: Annotated[Caller, may(READ)], reads: Read, page: PageNumber = 1, limit: PageSize = 20
) -> KnowledgeBasesAnswer:
    """List knowledge bases, the newest first."""
    async with reads.connection() as connection:
        found = await knowledge_bases_page(connection, caller.subject, page, limit)
    shown = [_answer(row) for row in found.rows]
    return KnowledgeBasesAnswer(knowledge_bases=shown, pagination=Pagination.of(page, limit, found.total))


@extensions.get("/{knowledge_base_id}")
async def get(knowledge_base_id: Id, caller: Annotated[Caller, may(READ)], reads: Read) -> KnowledgeBaseAnswer:
    """Show a knowledge base."""
    async with reads.connection() as connection:
        row = await knowledge_base_by_id(connection, caller.subject, str(knowledge_base_id))
    if row is None:
        raise not_there()
    return _answer(row)


def _answer(row: KnowledgeBaseRow) -> KnowledgeBaseAnswer:
    return KnowledgeBaseAnswer(
        id=row.knowledge_base_id,
        name=row.knowledge_base_name,
        description=row.description,
        settings=row.settings,
        created_at=row.created_at,
        document_count=row.documents,
        total_size_bytes=row.size_bytes,
    )

"""A knowledge base: a set of documents, with how they are cut into chunks and embedded."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import OfCreator

DEFAULT_CHUNK_SIZE, LEAST_CHUNK_SIZE, MOST_CHUNK_SIZE = 1000, 50, 8000
DEFAULT_CHUNK_OVERLAP = 200
DEFAULT_MODEL = "nomic-embed-text"


class Chunking(BaseModel):
    """How documents are cut, in characters, and the model that the settings name. Copied into every upload."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chunk_size: int = DEFAULT_CHUNK_SIZE
    chunk_overlap: int = DEFAULT_CHUNK_OVERLAP
    embedding_model: str = DEFAULT_MODEL


class KnowledgeBaseCreated(OfCreator, name="creator_hub.knowledge_base.created.v1"):
    """`settings` are the map that answers show, with defaults filled in; `chunking` is what holds of it."""

    knowledge_base_id: str
    knowledge_base_name: str
    description: str
    settings: dict[str, JsonValue]
    chunking: Chunking


class KnowledgeBase(BaseModel):
    """The state; `chunking` is None while there is none of this id."""

    model_config = ConfigDict(frozen=True)

    chunking: Chunking | None = None


def evolve(_base: KnowledgeBase, event: KnowledgeBaseCreated) -> KnowledgeBase:
    return KnowledgeBase(chunking=event.chunking)


def default_overlap(chunk_size: int) -> int:
    """The overlap where none is given: 200, and at most a fifth of the size."""
    return min(DEFAULT_CHUNK_OVERLAP, chunk_size // 5)

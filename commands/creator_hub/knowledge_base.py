"""Making a knowledge base."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from domain.creator_hub.knowledge_base import Chunking, KnowledgeBase, KnowledgeBaseCreated
from domain.messages import Command, Refused


class UnknownKnowledgeBase(Refused, name="creator_hub.unknown_knowledge_base"):
    """The creator has no knowledge base of this id. 404."""


class CreateKnowledgeBase(Command, name="creator_hub.knowledge_base.create.v1", key="creator_id"):
    creator_id: str
    knowledge_base_id: str
    knowledge_base_name: str
    description: str
    settings: dict[str, JsonValue]
    chunking: Chunking


def create(command: CreateKnowledgeBase, _base: KnowledgeBase) -> Sequence[KnowledgeBaseCreated]:
    return [KnowledgeBaseCreated(**command.model_dump())]

"""Search in a knowledge base: what answers to members rest on, with the scores."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from api.auth import Caller
from api.creator_hub.access import READ
from api.creator_hub.dependencies import Own
from api.creator_hub.fields import Id, PageSize, Question, not_there
from api.routing import LeanRoute
from api.surface import Read, may
from connectors.question_vectors import question_vectors
from projections.creator_hub.queries.knowledge_bases import knowledge_base_by_id
from projections.creator_hub.queries.search import FoundChunk, models_in, search, searched_text

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/knowledge-bases", tags=["Extensions"])


class FoundAnswer(BaseModel):
    """A chunk. `semantic` is the cosine with the question, `lexical` the weight of its words; null without either."""

    document_id: str
    chunk_id: str
    chunk_index: int
    title: str
    content: str
    score: float
    semantic: float | None
    lexical: float | None


class SearchAnswer(BaseModel):
    """The best chunks. Those of models that are `away` are found by words alone."""

    query: str
    results: list[FoundAnswer]
    models_away: list[str]


@router.get("/{knowledge_base_id}/search")
async def find(
    knowledge_base_id: Id,
    query: Question,
    caller: Annotated[Caller, may(READ)],
    reads: Read,
    own: Own,
    limit: PageSize = 10,
) -> SearchAnswer:
    """Search the completed documents of a knowledge base by words and by meaning."""
    bases = [str(knowledge_base_id)]
    async with reads.connection() as connection:
        if await knowledge_base_by_id(connection, caller.subject, bases[0]) is None:
            raise not_there()
        present = await models_in(connection, caller.subject, bases)
    asked = await question_vectors(own.embeddings, searched_text(query), present)
    async with reads.connection() as connection:
        found = await search(connection, caller.subject, bases, query, asked.vectors, limit)
    return SearchAnswer(query=query, results=[_found(one) for one in found], models_away=list(asked.away))


def _found(chunk: FoundChunk) -> FoundAnswer:
    return FoundAnswer.model_validate(chunk._asdict())

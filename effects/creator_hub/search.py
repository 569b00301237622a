"""Search in a creator's documents for answers to members: the question's vectors, then vectors and words together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connectors.embeddings import Embeddings
from connectors.question_vectors import question_vectors
from effects.creator_hub.answers import FoundPassage
from projections.creator_hub.queries.search import FoundChunk, models_in, search, searched_text
from streams.postgres.reads import Reads


class Found(NamedTuple):
    """The best chunks. Those of models that are `away` were found by words alone."""

    chunks: Sequence[FoundChunk]
    away: tuple[str, ...]


class DocumentSearch:
    """The search of answers. While a model is asked, no connection is held."""

    def __init__(self, dsn: str, embeddings: Embeddings) -> None:
        self._reads = Reads(dsn, size=2)
        self._embeddings = embeddings

    async def __call__(
        self, creator_id: str, question: str, knowledge_base_ids: Sequence[str], limit: int
    ) -> Sequence[FoundPassage]:
        found = await self.find(creator_id, question, knowledge_base_ids, limit)
        return [FoundPassage(one.document_id, one.chunk_id, one.title, one.content, one.score) for one in found.chunks]

    async def find(self, creator_id: str, question: str, knowledge_base_ids: Sequence[str], limit: int) -> Found:
        """The best chunks, and the models that are away. Raises psycopg.Error, PoolTimeout."""
        await self._reads.open()
        async with self._reads.connection() as connection:
            present = await models_in(connection, creator_id, knowledge_base_ids)
        asked = await question_vectors(self._embeddings, searched_text(question), present)
        async with self._reads.connection() as connection:
            chunks = await search(connection, creator_id, knowledge_base_ids, question, asked.vectors, limit)
        return Found(chunks, asked.away)

    async def close(self) -> None:
        await self._reads.close()
        await self._embeddings.close()

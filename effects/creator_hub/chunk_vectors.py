"""Vectors of documents: the next chunks of a stored plan are embedded, their words beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg_pool import PoolTimeout

from commands.creator_hub.effects import EmbedChunks
from connectors.embeddings import Embedded, Embeddings
from domain.creator_hub.chunks import Chunk, ChunkPlan, batch
from domain.creator_hub.document import EmbeddedChunk
from domain.creator_hub.vectors import encoded
from effects.creator_hub.extraction import GONE, MOST_BYTES
from effects.lookup import AWAY
from streams.core.calls import Accepted, Rejected, Verdict
from streams.postgres.objects import ObjectErased, ObjectMissing, Objects

NOTHING_LEFT = Rejected("nothing_left", "the plan has no chunk with this number")


class ChunkVectors:
    """Embeds one batch of chunks. A repetition embeds the same chunks again; the first answer that arrives counts."""

    idempotent = True

    def __init__(self, objects: Objects, embeddings: Embeddings) -> None:
        self._objects = objects
        self._embeddings = embeddings
        self.provider = embeddings.provider

    async def __call__(self, effect: EmbedChunks, key: str) -> Verdict:
        try:
            chunks = await self._chunks(effect)
        except (ObjectMissing, ObjectErased):
            return GONE
        except (psycopg.Error, PoolTimeout):
            return AWAY
        if not chunks:
            return NOTHING_LEFT
        answer = await self._embeddings.embed(effect.embedding_model, [chunk.text for chunk in chunks])
        return _output(effect, chunks, answer) if isinstance(answer, Embedded) else answer

    async def _chunks(self, effect: EmbedChunks) -> Sequence[Chunk]:
        plan = ChunkPlan.from_encoded(await self._objects.read(effect.plan_object, MOST_BYTES))
        text = await self._objects.read(effect.text_object, MOST_BYTES)
        return batch(text.decode(), plan, effect.first)

    async def close(self) -> None:
        await self._embeddings.close()


def _output(effect: EmbedChunks, chunks: Sequence[Chunk], answer: Embedded) -> Accepted:
    embedded = [chunk.model_dump(mode="json") for chunk in _embedded(chunks, answer)]
    return Accepted(effect.document_id, {"model": answer.model, "tokens": answer.tokens, "chunks": embedded})


def _embedded(chunks: Sequence[Chunk], answer: Embedded) -> Iterator[EmbeddedChunk]:
    for chunk, vector in zip(chunks, answer.vectors, strict=True):
        yield EmbeddedChunk(**chunk.model_dump(), vector=encoded(vector))

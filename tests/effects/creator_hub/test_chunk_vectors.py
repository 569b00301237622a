"""The embedding of a document's chunks, from its stored text and plan, batch by batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from commands.creator_hub.document import CHUNKS
from commands.creator_hub.effects import EmbedChunks
from domain.creator_hub.chunks import MOST_IN_BATCH, ChunkPlan, joined
from domain.creator_hub.document import EmbeddedChunk
from domain.creator_hub.vectors import encoded
from effects.creator_hub.chunk_vectors import ChunkVectors
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.core.keys import Keyring
from streams.postgres.objects import Objects, Owner
from tests.connectors.embedders import Embedder
from tests.effects.creator_hub.conftest import Installed

CREATOR = "creator-1"
TEXT = " ".join(f"sentence number {number}." for number in range(40))
SPANS = tuple((start, min(start + 20, len(TEXT))) for start in range(0, len(TEXT), 20))


class Stored:
    """A document whose text and plan are objects, and the performer over them."""

    def __init__(self, dsn: str) -> None:
        self.document_id = str(uuid4())
        self.objects = Objects(dsn, Keyring(bytes(32)))
        self.embedder = Embedder({"named": "used"})
        self.performer = ChunkVectors(self.objects, self.embedder)
        self.text_object = self.plan_object = str(uuid4())

    async def put(self, text: str, plan: ChunkPlan) -> None:
        self.text_object = await self._put(text.encode())
        self.plan_object = await self._put(plan.encoded())

    async def embed(self, first: int) -> Verdict:
        return await self.performer(self.effect(first), f"batch {first}")

    def effect(self, first: int) -> EmbedChunks:
        return EmbedChunks(
            creator_id=CREATOR,
            document_id=self.document_id,
            text_object=self.text_object,
            plan_object=self.plan_object,
            first=first,
            embedding_model="named",
        )

    async def _put(self, data: bytes) -> str:
        owner = Owner("creator_hub", CREATOR, f"creator_hub:{self.document_id}")
        return (await self.objects.put(owner, whole(data), len(data))).id


async def whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def stored(database_of_module: Installed) -> AsyncIterator[Stored]:
    stored = Stored(database_of_module.dsn)
    await stored.put(TEXT, ChunkPlan(splitter="test 1", chunks=SPANS))
    yield stored
    await stored.performer.close()


def chunks_of(verdict: Verdict) -> tuple[EmbeddedChunk, ...]:
    assert isinstance(verdict, Accepted)
    return CHUNKS.validate_python((verdict.output or {})["chunks"])


async def test_batches_embed_every_chunk_once_and_give_the_text_back(stored: Stored) -> None:
    chunks: list[EmbeddedChunk] = []
    while len(chunks) < len(SPANS):
        verdict = await stored.embed(len(chunks))
        batch = chunks_of(verdict)
        assert isinstance(verdict, Accepted)
        assert (verdict.output or {})["model"] == "used"
        assert (verdict.output or {})["tokens"] == sum(len(chunk.text) for chunk in batch)
        assert 0 < len(batch) <= MOST_IN_BATCH
        chunks.extend(batch)
    assert joined(chunks) == TEXT
    assert [chunk.index for chunk in chunks] == list(range(len(SPANS)))
    assert {chunk.vector == encoded(stored.embedder.vector(chunk.text)) for chunk in chunks} == {True}
    assert [name for name, _ in stored.embedder.asked] == ["named"] * -(-len(SPANS) // MOST_IN_BATCH)


async def test_a_repetition_gives_the_same_batch(stored: Stored) -> None:
    assert stored.performer.idempotent
    assert await stored.embed(16) == await stored.embed(16)


@pytest.mark.parametrize("gone", ["text_object", "plan_object"])
async def test_a_document_whose_objects_are_gone_is_refused_and_nothing_is_paid(stored: Stored, gone: str) -> None:
    await stored.objects.forget(getattr(stored, gone))
    verdict = await stored.embed(0)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "gone"
    assert stored.embedder.asked == []


async def test_a_plan_without_that_chunk_is_refused(stored: Stored) -> None:
    verdict = await stored.embed(len(SPANS))
    assert isinstance(verdict, Rejected)
    assert stored.embedder.asked == []


async def test_the_providers_refusal_is_the_verdict(stored: Stored) -> None:
    for refusal in (Rejected("no_model", "none"), Deferred("http_500", "broken")):
        stored.embedder.refusal = refusal
        assert await stored.embed(0) == refusal


async def test_a_database_that_is_away_puts_the_batch_off() -> None:
    away = Stored("host=127.0.0.1 port=1 dbname=none user=none connect_timeout=1")
    verdict = await away.embed(0)
    assert isinstance(verdict, Deferred)
    assert verdict.code == "database_away"

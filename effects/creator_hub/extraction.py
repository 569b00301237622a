"""Extraction of documents in confined processes: the text and its plan, as objects that belong to the document."""

from __future__ import annotations

from hashlib import sha256

import psycopg
from psycopg_pool import PoolTimeout

from commands.creator_hub.effects import ExtractText
from documents.extract.pool import ExtractionPool
from documents.extract.request import Extracted, ExtractionFailed, ExtractionRequest, Unextractable
from domain.creator_hub.chunks import ChunkPlan
from domain.creator_hub.document import Plan
from domain.creator_hub.kinds import derived_id
from effects.lookup import AWAY
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.postgres.objects import ObjectErased, ObjectMissing, Objects, Owner

MOST_BYTES = 64 << 20
"""More than any upload may have."""

GONE = Rejected("gone", "the document has been deleted")


class DocumentExtraction:
    """Extracts one document. A repetition finds the objects of the first time under the same ids."""

    provider = "extraction"
    idempotent = True

    def __init__(self, objects: Objects, pool: ExtractionPool) -> None:
        self._objects = objects
        self._pool = pool

    async def __call__(self, effect: ExtractText, key: str) -> Verdict:
        try:
            content = await self._objects.read(effect.object_id, MOST_BYTES)
            return await self._extracted(effect, content)
        except (ObjectMissing, ObjectErased):
            return GONE
        except (psycopg.Error, PoolTimeout):
            return AWAY

    async def _extracted(self, effect: ExtractText, content: bytes) -> Verdict:
        chunking = effect.chunking
        request = ExtractionRequest(
            content, f"document.{effect.file_type}", chunking.chunk_size, chunking.chunk_overlap
        )
        try:
            extracted = await self._pool.extract(request)
        except Unextractable as failure:
            return Rejected(failure.code.value, str(failure))
        except ExtractionFailed as failure:
            return Deferred("extractor", str(failure))
        return Accepted(effect.document_id, (await self._stored(effect, extracted)).model_dump(mode="json"))

    async def _stored(self, effect: ExtractText, extracted: Extracted) -> Plan:
        owner = Owner("creator_hub", effect.creator_id, effect.subject)
        plan = ChunkPlan(
            splitter=f"{extracted.plan.splitter} {extracted.plan.version}",
            chunks=tuple((span.start, span.end) for span in extracted.plan.spans),
            pages=tuple((page.start, page.end) for page in extracted.pages),
        )
        text = await self._put(owner, effect.document_id, extracted.text.encode())
        return Plan(
            text_object=text,
            plan_object=await self._put(owner, effect.document_id, plan.encoded()),
            chunks=len(plan.chunks),
            characters=len(extracted.text),
            splitter=plan.splitter,
        )

    async def _put(self, owner: Owner, document_id: str, data: bytes) -> str:
        """The id of an object with these bytes, which follows from them: another extractor's text is another object."""
        id_ = derived_id("object", document_id, sha256(data).hexdigest())
        await self._objects.put_whole(owner, data, id_)
        return id_

    async def close(self) -> None:
        await self._pool.close()

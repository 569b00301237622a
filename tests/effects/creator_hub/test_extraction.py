"""Extraction of documents: the text and its plan as objects, and files that have none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from commands.creator_hub.effects import ExtractText
from documents.extract.pool import ExtractionPool
from domain.creator_hub.chunks import ChunkPlan, batch, joined
from domain.creator_hub.document import Plan
from domain.creator_hub.kinds import derived_id
from domain.creator_hub.knowledge_base import Chunking
from effects.creator_hub.extraction import GONE, DocumentExtraction
from streams.core.calls import Accepted, Rejected, Verdict
from streams.postgres.objects import Owner
from tests.effects.creator_hub.conftest import Installed

TEXT = "Water is good. " * 200
DOCUMENT = derived_id("test document")


async def whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def extracted(installed: Installed, data: bytes | None, file_type: str = "txt") -> Verdict:
    effect = ExtractText(
        creator_id="coach",
        document_id=DOCUMENT,
        object_id=derived_id("file", file_type, data),
        file_type=file_type,
        chunking=Chunking(chunk_size=500, chunk_overlap=50),
    )

    async def run() -> Verdict:
        if data is not None:
            owner = Owner("creator_hub", "coach", effect.subject)
            await installed.objects.put(owner, whole(data), len(data), effect.object_id)
        performer = DocumentExtraction(installed.objects, ExtractionPool())
        try:
            return await performer(effect, "key")
        finally:
            await performer.close()

    return asyncio.run(run())


def test_the_text_and_its_plan_are_objects_that_give_the_text_back(installed: Installed) -> None:
    verdict = extracted(installed, TEXT.encode())
    assert isinstance(verdict, Accepted)
    plan = Plan.model_validate(verdict.output)
    text = asyncio.run(installed.objects.read(plan.text_object, 1_000_000)).decode()
    spans = ChunkPlan.from_encoded(asyncio.run(installed.objects.read(plan.plan_object, 1_000_000)))
    chunks = [batch(text, spans, first)[0] for first in range(plan.chunks)]
    assert joined(chunks) == text.strip() or joined(chunks) == text
    assert plan.chunks > 1


def test_a_file_that_lies_about_its_type_has_no_text_and_a_reason(installed: Installed) -> None:
    verdict = extracted(installed, b"%PDF-1.7 and nothing more", "pdf")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "corrupt"


def test_a_document_that_is_gone_is_not_asked_for_again(installed: Installed) -> None:
    assert extracted(installed, None) == GONE

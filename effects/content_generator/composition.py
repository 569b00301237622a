"""The composition of content from a version of a document, a summary, or the built-in document."""

from __future__ import annotations

import asyncio

from pydantic import JsonValue

from commands.content_generator.effects import ComposeContent
from content.content_generator.composition import compose
from content.content_generator.demonstration import DEMONSTRATION
from content.content_generator.summary_content import as_composed
from domain.calls.document import Document
from domain.content_generator.composed import Composed, ComposedSummary, CompositionOptions, TooLarge, pinned
from effects.content_generator.lookup import BEHIND, read
from projections.content_generator.contents import Owner, pinned_content
from projections.content_generator.document_versions import document_version
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.postgres.reads import Reads


class Composition:
    """Composes by the stated rules."""

    provider = "rules"
    idempotent = True

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=2)

    async def __call__(self, effect: ComposeContent, key: str) -> Verdict:
        if effect.summary is not None:
            return await self._summary(effect)
        document = DEMONSTRATION if effect.document is None else await self._document(effect.document, effect.version)
        if isinstance(document, Deferred):
            return document
        return await asyncio.to_thread(_composed, effect, document)

    async def close(self) -> None:
        await self._reads.close()

    async def _document(self, document: str, version: int) -> Document | Deferred:
        found = await read(self._reads, lambda c: document_version(c, document, version))
        if isinstance(found, Deferred):
            return found
        return BEHIND if found is None else found.content

    async def _summary(self, effect: ComposeContent) -> Verdict:
        id_ = effect.summary or ""
        found = await read(self._reads, lambda c: pinned_content(c, Owner.SUMMARY, id_))
        if isinstance(found, Deferred):
            return found
        if found is None:
            return BEHIND
        composed = as_composed(ComposedSummary.model_validate(found.content))
        return Accepted(composed.template, _json(composed))


def _composed(effect: ComposeContent, document: Document) -> Verdict:
    options = CompositionOptions(custom_data=effect.custom_data, seo_optimize=effect.options.seo_optimize)
    try:
        composed = compose(document, effect.channels, pinned(effect.template), options)
    except TooLarge as error:
        return Rejected("too_large", str(error))
    return Accepted(composed.template, _json(composed))


def _json(composed: Composed) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = composed.model_dump(mode="json")
    return found

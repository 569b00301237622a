"""The composition of content from a version of a document, a summary, or the built-in document."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pydantic import JsonValue

from commands.content_generator.effects import ComposeContent
from content.content_generator.composition import compose
from content.content_generator.demonstration import DEMONSTRATION
from content.content_generator.model_text import parts_of
from content.content_generator.placeholders import filled
from content.content_generator.summary_content import as_composed
from domain.calls.document import Document
from domain.content_generator.composed import Composed, ComposedSummary, CompositionOptions, TooLarge, pinned
from effects.content_generator.model_texts import ModelTexts
from effects.lookup import BEHIND, read
from projections.content_generator.contents import Owner, pinned_content
from projections.content_generator.document_versions import document_version
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.postgres.reads import Reads


class Composition:
    """Composes by the stated rules, with texts of a language model where `texts` gives fit ones.

    The built-in document is the same for everybody, and a summary's words are its own: no model words them.
    """

    provider = "rules"
    idempotent = True

    def __init__(self, dsn: str, texts: ModelTexts | None = None) -> None:
        self._reads = Reads(dsn, size=2)
        self._texts = texts

    async def __call__(self, effect: ComposeContent, key: str) -> Verdict:
        if effect.summary is not None:
            return await self._summary(effect)
        if effect.document is None:
            return await asyncio.to_thread(_answer, effect, DEMONSTRATION)
        document = await self._document(effect.document, effect.version)
        if isinstance(document, Deferred):
            return document
        return await self._worded(effect, document)

    async def close(self) -> None:
        await self._reads.close()
        if self._texts is not None:
            await self._texts.close()

    async def _worded(self, effect: ComposeContent, document: Document) -> Verdict:
        by_rules = await asyncio.to_thread(_composed, effect, document)
        if self._texts is None or isinstance(by_rules, Rejected):
            return _accepted(by_rules)
        texts = await self._texts.of(filled(document, effect.custom_data), parts_of(by_rules), effect.id)
        worded = await asyncio.to_thread(_composed, effect, document, texts)
        if isinstance(worded, Rejected):  # too large by the model's texts alone
            worded = await asyncio.to_thread(_composed, effect, document, {})
        return _accepted(worded)

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


def _answer(effect: ComposeContent, document: Document) -> Verdict:
    return _accepted(_composed(effect, document))


def _composed(
    effect: ComposeContent, document: Document, texts: Mapping[str, str] | None = None
) -> Composed | Rejected:
    options = CompositionOptions(custom_data=effect.custom_data, seo_optimize=effect.options.seo_optimize)
    try:
        return compose(document, effect.channels, pinned(effect.template), options, texts)
    except TooLarge as error:
        return Rejected("too_large", str(error))


def _accepted(composed: Composed | Rejected) -> Verdict:
    return composed if isinstance(composed, Rejected) else Accepted(composed.template, _json(composed))


def _json(composed: Composed) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = composed.model_dump(mode="json")
    return found

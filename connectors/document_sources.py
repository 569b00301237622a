"""The sources of documents behind one connector, and the source that stands in for those without credentials."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.document_draft import content_hash
from domain.calls.document import Document, FetchDocument, Source
from streams.core.calls import Accepted, Connector, Rejected, Verdict


class DocumentSources:
    """The connector that leaves each fetch to its source's."""

    provider = "documents"
    idempotent = True

    def __init__(self, sources: Mapping[Source, Connector[FetchDocument]]) -> None:
        self._sources = sources

    async def __call__(self, effect: FetchDocument, key: str) -> Verdict:
        source = self._sources.get(effect.source)
        if source is None:
            return Rejected("credentials", f"no source is configured for {effect.source}")
        return await source(effect, key)

    async def close(self) -> None:
        for source in self._sources.values():
            await source.close()


class SandboxDocuments:
    """The source that has one document, and gives it for every id."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, document: Document) -> None:
        self._document = document

    async def __call__(self, effect: FetchDocument, key: str) -> Verdict:
        output = self._document.model_dump(mode="json", exclude_defaults=True)
        return Accepted(content_hash(self._document), output)

    async def close(self) -> None:
        """Nothing to close."""

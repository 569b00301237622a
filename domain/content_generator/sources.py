"""The ids of documents: one form in public, one key of the stream, whatever a caller writes."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from domain.calls.document import Source

PREFIXES: Mapping[str, Source] = {
    "gdocs": Source.GOOGLE_DOCS,
    "google_docs": Source.GOOGLE_DOCS,
    "notion": Source.NOTION,
    "url": Source.URL,
}
"""The prefixes of document ids, the usual one of each source first."""

PREFIX_OF = {Source.GOOGLE_DOCS: "gdocs", Source.NOTION: "notion", Source.URL: "url"}


class Named(NamedTuple):
    """A document, by its source and the source's own id."""

    source: Source
    document_id: str

    @property
    def public(self) -> str:
        """The id with its prefix, as jobs and figures show it."""
        return f"{PREFIX_OF[self.source]}:{self.document_id}"

    def key(self, tenant: str) -> str:
        """The key of the document's stream: sources and tenants never share one."""
        return sha256(f"{tenant}\0{self.source}\0{self.document_id}".encode()).hexdigest()


def named(source: Source, document_id: str) -> Named:
    """A document of this source; a prefix of the source itself is dropped."""
    prefix, colon, rest = document_id.strip().partition(":")
    if colon and PREFIXES.get(prefix) is source and rest.strip():
        return Named(source, rest.strip())
    return Named(source, document_id.strip())


def document_of(prefixed: str) -> Named | None:
    """The document behind `gdocs:…`, `notion:…` or `url:…`; None for another form."""
    prefix, colon, rest = prefixed.strip().partition(":")
    source = PREFIXES.get(prefix)
    if not colon or source is None or not rest.strip():
        return None
    return Named(source, rest.strip())

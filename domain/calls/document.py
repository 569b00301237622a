"""A document of an outside source as plain data, and its fetch as an effect."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.messages import Effect, Instant


class Source(StrEnum):
    """Kinds of sources. Each has its own form of document id: an id, an id, an http(s) address."""

    GOOGLE_DOCS = "google_docs"
    NOTION = "notion"
    URL = "url"


class BlockKind(StrEnum):
    """Kinds of blocks. `HEADING` has a level from 1 to 6, `ITEM` (of a list) a depth from 1."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    QUOTE = "quote"
    CODE = "code"
    ROW = "row"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Part):
    """A run of text in one style. `link` is an absolute http, https or mailto address. Cells of a row end in a tab."""

    text: str
    bold: bool = False
    italic: bool = False
    link: str | None = None


class Block(_Part):
    """A block of text. `ordered` tells numbered list items from others."""

    kind: BlockKind
    spans: tuple[Span, ...]
    level: int = 0
    ordered: bool = False

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


class Document(_Part):
    """A document as fetched. `modified_at` is its last change, where the source tells it; `title` may be empty."""

    title: str
    blocks: tuple[Block, ...]
    modified_at: Instant | None = None


class FetchDocument(Effect, name="fetch_document.v1"):
    """One fetch of a document. The accepted verdict's `output` is the `Document` as plain JSON.

    Rejections: `not_found`, `forbidden`, `credentials`, `too_large` (over 200,000 bytes of text), `no_text`,
    `not_public`, `bad_address`. Its provider's id is the source's own version, or the hash of the content.
    """

    source: Source
    document_id: str

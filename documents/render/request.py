"""The request to the renderer, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from documents.render.style import Styling

THREADS = 2
"""The threads of Typst; by default one for each core, each with address space for a stack and an arena."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a document.

    `title` and `author` become metadata of the PDF and are printed small at the head of each page; without a title the
    metadata say "Document" and the head is empty.
    """

    title: str | None = None
    author: str | None = None
    styling: Styling = field(default_factory=Styling)


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """Markdown to render. `at` (with a time zone) becomes the PDF's creation date.

    Equal requests give equal bytes, on one machine with one set of fonts.
    """

    content: str
    at: datetime
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A PDF, and the characters of the document that no font has, each once: the PDF shows boxes for them."""

    pdf: bytes
    missing: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The limits of one document: bytes of UTF-8 in, seconds of waiting, bytes of address space, bytes of PDF out."""

    content_bytes: int = 1 << 20
    seconds: float = 20.0
    memory_bytes: int = 1 << 30
    pdf_bytes: int = 32 << 20

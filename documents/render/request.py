"""What is asked of the renderer, and how much may be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from documents.render.style import Styling

THREADS = 2
"""Typst would take one for each core, and a stack and an arena of address space with each."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is said about a document beside its text.

    `title` and `author` become metadata of the PDF and stand small at the head of each page; without a title the
    metadata say "Document" and the head stays empty.
    """

    title: str | None = None
    author: str | None = None
    styling: Styling = field(default_factory=Styling)


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """Markdown to be rendered. `at` (with a time zone) becomes the PDF's date of creation.

    Equal requests give equal bytes, on one machine with one set of fonts.
    """

    content: str
    at: datetime
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What one document may cost: bytes of UTF-8 in, seconds of waiting, bytes of address space, bytes of PDF out."""

    content_bytes: int = 1 << 20
    seconds: float = 20.0
    memory_bytes: int = 1 << 30
    pdf_bytes: int = 32 << 20

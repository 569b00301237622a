"""The text of a PDF, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

from pypdfium2 import PdfDocument, PdfiumError, raw  # type: ignore[import-untyped]

from documents.extract.normalization import cleaned
from documents.extract.request import ExtractionLimits, Failure, Span, Unextractable, too_long

PAGE_GAP = "\n\n"

_BROKEN_WORD = re.compile("[\ufffe\x02]\r?\n?")
"""PDFium's sign for a hyphen at the end of a line, which divides a word."""


def pdf_text(content: bytes, limits: ExtractionLimits) -> tuple[str, tuple[Span, ...]]:
    """The cleaned text of all pages, and where each page is in it. Raises Unextractable."""
    with closing(_opened(content)) as document:
        count = len(document)
        if count > limits.pages:
            raise Unextractable(Failure.TOO_MANY_PAGES, f"the PDF has {count:,} pages; {limits.pages:,} is the most")
        return _joined(_pages(document, count), limits)


def _opened(content: bytes) -> PdfDocument:
    try:
        return PdfDocument(content)
    except PdfiumError as error:
        if error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise Unextractable(Failure.ENCRYPTED, "the PDF is protected by a password") from error
        raise Unextractable(Failure.CORRUPT, "the file is no PDF, or is damaged") from error


def _pages(document: PdfDocument, count: int) -> Iterator[str]:
    """The text of each page; that of one which is damaged is empty."""
    for number in range(count):
        try:
            with closing(document[number]) as page, closing(page.get_textpage()) as text:
                yield cleaned(_BROKEN_WORD.sub("", text.get_text_range())).strip()
        except PdfiumError:
            yield ""


def _joined(pages: Iterator[str], limits: ExtractionLimits) -> tuple[str, tuple[Span, ...]]:
    parts: list[str] = []
    spans: list[Span] = []
    length = size = 0
    for page in pages:
        if page and parts:
            parts.append(PAGE_GAP)
            length += len(PAGE_GAP)
        spans.append(Span(length, length + len(page)))
        parts.append(page)
        length += len(page)
        size += len(page.encode())
        if size > limits.text_bytes:
            raise too_long(limits.text_bytes)
    return "".join(parts), tuple(spans)

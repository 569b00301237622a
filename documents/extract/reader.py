"""The extraction of a file's text and chunks, in this process. Without limits of time and memory: see the job."""

from __future__ import annotations

from documents.extract.chunk_plan import chunk_plan
from documents.extract.docx_text import docx_text
from documents.extract.encoding import decoded
from documents.extract.html_text import html_text
from documents.extract.normalization import cleaned
from documents.extract.pdf_text import pdf_text
from documents.extract.request import (
    Extracted,
    ExtractionLimits,
    ExtractionRequest,
    Failure,
    Span,
    Unextractable,
    too_long,
)
from documents.file_types import FileType, UnsupportedFile, file_type


def extract(request: ExtractionRequest, limits: ExtractionLimits) -> Extracted:
    """The text of a file, and its chunks. Raises Unextractable."""
    kind = _type_of(request)
    text, pages = _text_of(kind, request.content, limits)
    if not text or text.isspace():
        raise _without_text(kind)
    if len(text.encode()) > limits.text_bytes:
        raise too_long(limits.text_bytes)
    return Extracted(kind, text, pages, chunk_plan(text, request, limits.chunks))


def _type_of(request: ExtractionRequest) -> FileType:
    try:
        return file_type(request.content, request.name)
    except UnsupportedFile as error:
        code = Failure.UNSUPPORTED if request.content else Failure.EMPTY
        raise Unextractable(code, str(error)) from error


def _text_of(kind: FileType, content: bytes, limits: ExtractionLimits) -> tuple[str, tuple[Span, ...]]:
    match kind:
        case FileType.PDF:
            return pdf_text(content, limits)
        case FileType.DOCX:
            return cleaned(docx_text(content, limits)), ()
        case FileType.HTML:
            return cleaned(html_text(decoded(content, html=True), limits.depth)), ()
        case FileType.TXT | FileType.MD | FileType.CSV:
            return cleaned(decoded(content, html=False)), ()


def _without_text(kind: FileType) -> Unextractable:
    if kind is FileType.PDF:
        return Unextractable(Failure.NO_TEXT, "the PDF has no text: its pages are pictures")
    return Unextractable(Failure.EMPTY, "the file has no text")

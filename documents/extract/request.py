"""The request for an extraction, its result and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from documents.file_types import FileType

SHORTEST_CHUNK = 50
LONGEST_CHUNK = 8_000


class Failure(StrEnum):
    """The reasons for which a file has no text, each final."""

    EMPTY = "empty"
    NO_TEXT = "no_text"
    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    TOO_LONG = "too_long"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_CHUNKS = "too_many_chunks"
    TOO_DEEP = "too_deep"
    BOMB = "bomb"
    TIMEOUT = "timeout"


class Unextractable(Exception):
    """A file whose text cannot be had. `str()` is a sentence for its owner; a retry is useless."""

    def __init__(self, code: Failure, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def too_long(longest: int) -> Unextractable:
    return Unextractable(Failure.TOO_LONG, f"the file's text is longer than {longest:,} bytes")


class ExtractionFailed(Exception):
    """The extractor was ended or does not start, for a reason outside of the file. Retry later."""


class ExtractorBusy(ExtractionFailed):
    """The queue is full. Retry later."""


@dataclass(frozen=True, slots=True)
class ExtractionRequest:
    """A file with the name its owner gives it, and the wanted chunks: characters of one, and of what two share.

    Raises ValueError for a size or an overlap that chunks cannot have.
    """

    content: bytes
    name: str
    chunk_size: int
    chunk_overlap: int

    def __post_init__(self) -> None:
        if not SHORTEST_CHUNK <= self.chunk_size <= LONGEST_CHUNK:
            raise ValueError(f"a chunk has from {SHORTEST_CHUNK} to {LONGEST_CHUNK:,} characters")
        if not 0 <= self.chunk_overlap <= self.chunk_size // 2:
            raise ValueError("chunks share at most half of one")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text, from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The chunks of a text, in their order, and the splitter that found them. Between two is white space only."""

    splitter: str
    version: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a file, cleaned, with its chunks, and the pages of a PDF (of other files none)."""

    file_type: FileType
    text: str
    pages: tuple[Span, ...]
    plan: ChunkPlan


@dataclass(frozen=True, slots=True)
class ExtractionLimits:
    """The limits of one file."""

    seconds: float = 60.0
    memory_bytes: int = 512 << 20
    text_bytes: int = 5 << 20
    chunks: int = 20_000
    pages: int = 2_000
    depth: int = 500
    entries: int = 2_000
    unzipped_bytes: int = 100 << 20
    unzipped_ratio: int = 100

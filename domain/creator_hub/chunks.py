"""The chunks of a document's text: their plan, the batches in which they are embedded, and the text put together again.

A plan is stored beside the text, so that a later splitter does not shift the chunks of a document that is half done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pydantic import BaseModel, ConfigDict

MOST_IN_BATCH = 16
MOST_BYTES_IN_BATCH = 48_000
"""Bytes of UTF-8, of chunks and what lies between them. With their vectors a batch still fits into one record."""

Span = tuple[int, int]
"""Characters of the text, from the first to before the second."""


class ChunkPlan(BaseModel):
    """Where the chunks and the pages of a text are. `splitter` names what found the chunks, with its version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    splitter: str
    chunks: tuple[Span, ...]
    pages: tuple[Span, ...] = ()

    def encoded(self) -> bytes:
        return self.model_dump_json().encode()

    @staticmethod
    def from_encoded(stored: bytes) -> ChunkPlan:
        return ChunkPlan.model_validate_json(stored)


class Chunk(BaseModel):
    """A chunk of a text. `lead` is the text before it that no chunk has; `repeated` counts what the one before has.

    `page` counts from 1, and is the one on which the chunk begins; None for a text without pages.
    """

    model_config = ConfigDict(frozen=True)

    index: int
    text: str
    start: int
    end: int
    lead: str
    repeated: int
    page: int | None


class Piece(Protocol):
    """What of a chunk makes the text."""

    @property
    def text(self) -> str: ...
    @property
    def lead(self) -> str: ...
    @property
    def repeated(self) -> int: ...


def joined(chunks: Iterable[Piece]) -> str:
    """The text of all chunks, in their order."""
    return "".join(chunk.lead + chunk.text[chunk.repeated :] for chunk in chunks)


def batch(text: str, plan: ChunkPlan, first: int) -> tuple[Chunk, ...]:
    """The chunks from `first` on that are embedded together: one at least, where there is one left."""
    chosen: list[Chunk] = []
    size = 0
    for index in range(first, min(first + MOST_IN_BATCH, len(plan.chunks))):
        chunk = chunk_of(text, plan, index)
        size += len(chunk.lead.encode()) + len(chunk.text.encode())
        if chosen and size > MOST_BYTES_IN_BATCH:
            break
        chosen.append(chunk)
    return tuple(chosen)


def chunk_of(text: str, plan: ChunkPlan, index: int) -> Chunk:
    start, end = plan.chunks[index]
    before = plan.chunks[index - 1][1] if index else 0
    return Chunk(
        index=index,
        text=text[start:end],
        start=start,
        end=end,
        lead=text[before:start],
        repeated=max(before - start, 0),
        page=_page_of(plan.pages, start),
    )


def _page_of(pages: Sequence[Span], place: int) -> int | None:
    return next((number for number, (start, end) in enumerate(pages, 1) if start <= place < end), None)

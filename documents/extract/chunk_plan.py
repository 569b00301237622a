"""The division of a text into chunks: spans that respect a size and an overlap, and give the text back exactly.

Time grows with the length of the text alone. The splitters of libraries look at all of a paragraph for each of its
chunks, so that a text of five megabytes without an empty line takes them minutes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from documents.extract.request import ChunkPlan, ExtractionRequest, Failure, Span, Unextractable

SPLITTER = "boundaries"
VERSION = "1"
"""To be raised with each change of where a text is divided."""

_BOUNDARIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n(?=#{1,6} )",
        r"\n[^\S\n]*+\n",
        r"\n",
        r"[.!?…][\"'”’»)\]]{0,3}\s|[。！？]",  # noqa: RUF001 - of their scripts
        r"\s",
    )
)
"""Where a chunk may end, best first: before a heading, after a paragraph, a line, a sentence, a word."""

_STARTS = (re.compile(r"(?<=[.!?…\n])\s++(?=\S)|(?<=[。！？])"), re.compile(r"\s++(?=\S)"))  # noqa: RUF001 - likewise
"""After what the words begin that two chunks share, best first: a sentence or a line, a word."""

_WORD = re.compile(r"\S")
_JOINERS = "\u200d\ufe0e\ufe0f"
_LONGEST_CLUSTER = 16


def chunk_plan(text: str, request: ExtractionRequest, most: int) -> ChunkPlan:
    """The chunks of a cleaned text, with all its words, and white space only between two. Raises Unextractable."""
    spans: list[Span] = []
    for span in _spans(text, request.chunk_size, request.chunk_overlap):
        if len(spans) == most:
            reason = f"the text makes more than {most:,} chunks: choose a larger chunk_size"
            raise Unextractable(Failure.TOO_MANY_CHUNKS, reason)
        spans.append(span)
    return ChunkPlan(SPLITTER, VERSION, tuple(spans))


def _spans(text: str, size: int, overlap: int) -> Iterator[Span]:
    """Chunks from the first word to the end of the text. Each goes on by a quarter of the size, but near the end."""
    start, done = _next_word(text, 0), 0
    last_word = len(text.rstrip()) - 1  # is left to the last chunk, with the white space behind it
    while len(text) - start > size:
        upper = min(start + size, last_word)
        cut = _cut(text, min(start + max(size // 2, overlap + size // 4), upper), upper)
        end = start + len(text[start:cut].rstrip())
        if end > done:
            yield Span(start, end)
            done = end
        shared = end - overlap >= start + size // 4 and overlap > 0 and end == done
        start = _shared_start(text, end, overlap) if shared else _next_word(text, done)
    if start < len(text):
        yield Span(start, len(text))


def _next_word(text: str, place: int) -> int:
    found = _WORD.search(text, place)
    return found.start() if found else len(text)


def _cut(text: str, lower: int, upper: int) -> int:
    """The last of the best boundaries between two places, or else the upper one, moved out of a letter's parts."""
    for boundary in _BOUNDARIES:
        places = [found.end() for found in boundary.finditer(text, lower, upper)]
        if places:
            return places[-1]
    return _between_letters(text, upper, lower)


def _shared_start(text: str, end: int, overlap: int) -> int:
    """Where the next chunk begins within the words of the last one."""
    first = end - overlap
    middle = end - overlap // 2
    for begins, before in zip(_STARTS, (middle, end), strict=True):
        if found := begins.search(text, first - 1, before):
            return found.end()
    return _between_letters(text, first, min(first + _LONGEST_CLUSTER, end))


def _between_letters(text: str, place: int, limit: int) -> int:
    """The place, or the next one towards a limit, that is not between a letter and its accents, or joined emojis."""
    step = 1 if limit > place else -1
    for moved in range(place, limit, step)[:_LONGEST_CLUSTER]:
        joined = text[moved] in _JOINERS or text[moved - 1] == _JOINERS[0] or unicodedata.combining(text[moved])
        if not joined:
            return moved
    return place

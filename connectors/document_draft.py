"""The draft of a document while its source is read: text is cleaned and bounded, and links are checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from domain.calls.document import Block, BlockKind, Document, Span
from streams.core.calls import Accepted, Rejected, Verdict

MOST_TEXT = 200_000
"""The most bytes of text of a document."""

MOST_STORED = 600_000
"""The most bytes of a document as JSON. Links and styles count here; a record holds 900,000 bytes."""

BYTES_PER_SPAN = 12
BYTES_PER_BLOCK = 30
"""What a span and a block have as JSON at the least, so that a hopeless document is given up early."""

LONGEST_TITLE = 300
LONGEST_LINK = 2048
DEEPEST_ITEM = 9
LONGEST_MOMENT = 64

_REMOVED = dict.fromkeys((*range(9), *range(14, 32), *range(127, 160), 0xAD, 0x200B, 0x2060, 0xFEFF, 0xE907))
_LINE_ENDS = dict.fromkeys((0x0B, 0x0C, 0x2028, 0x2029), "\n")
_CLEANED = _REMOVED | _LINE_ENDS
"""Characters that no text holds: controls (NUL cannot be stored), invisible signs, and Google's sign for a chip."""

_BREAK = re.compile(r"[^\S\n]*+\n\s*+")
_SPACES = re.compile(r"[^\S\n]++")
_MAILTO = re.compile(r"mailto:[^\s@]+@\S+")

TOO_LARGE = Rejected("too_large", f"the document has more than {MOST_TEXT:,} bytes of text")
NO_TEXT = Rejected("no_text", "the document has no text")


_Styled = tuple[str, tuple[bool, bool, str | None]]


class DocumentTooLarge(Exception):
    """The document has more text, or more parts, than one may have."""


class Run(NamedTuple):
    """A run of text as a source has it, neither cleaned nor checked."""

    text: str
    bold: bool = False
    italic: bool = False
    link: str | None = None


class DocumentDraft:
    """The title, last change and blocks of a document, as far as they are read. Blocks without text are left out."""

    def __init__(self) -> None:
        self.title = ""
        self.modified_at: datetime | None = None
        self._blocks: list[Block] = []
        self._text_left = MOST_TEXT
        self._stored_left = MOST_STORED

    @property
    def has_text(self) -> bool:
        return bool(self._blocks)

    def add(self, kind: BlockKind, runs: Iterable[Run], level: int = 0, *, ordered: bool = False) -> None:
        """Add a block; raises DocumentTooLarge. A heading's level and an item's depth are brought within bounds."""
        spans = _code(runs) if kind is BlockKind.CODE else _spans(runs, one_line=kind is BlockKind.HEADING)
        if kind is BlockKind.HEADING:
            level = min(max(level, 1), 6)
        if kind is BlockKind.ITEM:
            level = min(max(level, 1), DEEPEST_ITEM)
        self._append(kind, spans, level, ordered)

    def add_row(self, cells: Iterable[Iterable[Run]]) -> None:
        """Add a row of a table; raises DocumentTooLarge."""
        read = [_spans(cell, one_line=True) for cell in cells]
        if any(read):
            self._append(BlockKind.ROW, [span for cell in read for span in _ended(cell)], 0, False)

    def document(self) -> Document:
        return Document(
            title=one_line(self.title)[:LONGEST_TITLE], blocks=tuple(self._blocks), modified_at=self.modified_at
        )

    def _append(self, kind: BlockKind, spans: Sequence[Span], level: int, ordered: bool) -> None:
        if not spans:
            return
        text = sum(len(span.text.encode()) for span in spans)
        self._text_left -= text
        self._stored_left -= text + BYTES_PER_BLOCK + sum(BYTES_PER_SPAN + len(span.link or "") for span in spans)
        if self._text_left < 0 or self._stored_left < 0:
            raise DocumentTooLarge
        self._blocks.append(Block(kind=kind, spans=tuple(spans), level=level, ordered=ordered))


def accepted(draft: DocumentDraft, version: str = "") -> Verdict:
    """The verdict on a document that was read. Without the source's own version, it is the hash of the content."""
    if not draft.has_text:
        return NO_TEXT
    document = draft.document()
    if len(document.model_dump_json(exclude_defaults=True).encode()) > MOST_STORED:
        return TOO_LARGE
    return Accepted(version or content_hash(document), document.model_dump(mode="json", exclude_defaults=True))


def content_hash(document: Document) -> str:
    """A hash of title and text, the same as long as neither changes, whatever the source says of its last change."""
    return sha256(document.model_dump_json(exclude={"modified_at"}).encode()).hexdigest()


def clean(text: str) -> str:
    """The text without characters that cannot be stored or shown."""
    cleaned = text.translate(_CLEANED)
    return cleaned if cleaned.isascii() else cleaned.encode(errors="ignore").decode()


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def link_of(address: str, base: str = "") -> str | None:
    """The absolute address of a link: http, https or mailto; None for any other, as javascript."""
    try:
        joined = urljoin(base, clean(address).strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    if len(joined) > LONGEST_LINK or any(character.isspace() for character in joined):
        return None
    if parts.scheme == "mailto":
        return joined if _MAILTO.fullmatch(joined) else None
    return joined if parts.scheme in {"http", "https"} and parts.hostname else None


def moment_of(text: str) -> datetime | None:
    """The moment that a source writes as ISO 8601 or as an HTTP date, in UTC; None for any other text."""
    plain = text.strip()[:LONGEST_MOMENT]
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(plain)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _code(runs: Iterable[Run]) -> list[Span]:
    text = clean("".join(run.text for run in runs).replace("\r\n", "\n").replace("\r", "\n")).strip("\n").rstrip()
    return [Span(text=text)] if text.strip() else []


def _spans(runs: Iterable[Run], *, one_line: bool) -> list[Span]:
    styled: list[_Styled] = []
    for run in runs:
        text = _following(styled, _collapsed(clean(run.text), one_line))
        if not text:
            continue
        style = (run.bold, run.italic, run.link)
        if styled and styled[-1][1] == style:
            text = styled.pop()[0] + text
        styled.append((text, style))
    while styled and not styled[-1][0].strip():
        styled.pop()
    return _built(styled)


def _following(styled: list[_Styled], text: str) -> str:
    """White space is kept once: a line's end rather than a space, and none at the beginning."""
    if not styled or styled[-1][0].endswith("\n"):
        return text.lstrip()
    if text.startswith("\n") and styled[-1][0].endswith(" "):
        before, style = styled.pop()
        if before != " ":
            styled.append((before[:-1], style))
        return text if styled else text.lstrip()
    return text.lstrip(" ") if styled[-1][0].endswith(" ") else text


def _built(styled: Sequence[_Styled]) -> list[Span]:
    last = len(styled) - 1
    return [
        Span(text=text.rstrip() if place == last else text, bold=bold, italic=italic, link=link)
        for place, (text, (bold, italic, link)) in enumerate(styled)
    ]


def _collapsed(text: str, one_line: bool) -> str:
    spaced = _SPACES.sub(" ", _BREAK.sub("\n", text))
    return spaced.replace("\n", " ") if one_line else spaced


def _ended(cell: Sequence[Span]) -> Sequence[Span]:
    if not cell:
        return [Span(text="\t")]
    return [*cell[:-1], cell[-1].model_copy(update={"text": f"{cell[-1].text}\t"})]

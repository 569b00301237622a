"""Realistic documents of a marketing team, written as Markdown beside this module, as a source would give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from domain.calls.document import Block, BlockKind, Document, Span

FOLDER = Path(__file__).parent / "documents"
_INLINE = re.compile(
    r"\*\*(?P<bold>[^*]+)\*\*|\[(?P<words>[^\]]+)\]\((?P<link>[^)\s]+(?:\([^)]*\))?)\)|<(?P<bare>http[^>]+)>"
)
_LINE = re.compile(
    r"(?P<hashes>#{1,6}) (?P<heading>.*)|(?P<indent> *)(?P<mark>-|\d+\.) (?P<item>.*)|> (?P<quote>.*)"
    r"|\| (?P<row>.*) \||`(?P<code>[^`]+)` ?(?P<after>.*)|(?P<paragraph>.+)"
)


def document(name: str) -> Document:
    """The document of that name."""
    title, *lines = (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
    modified = next((line.removeprefix("modified: ") for line in lines if line.startswith("modified: ")), None)
    return Document(
        title=title.removeprefix("title:").strip(),
        modified_at=None if modified is None else datetime.fromisoformat(modified),
        blocks=tuple(block for line in lines if not line.startswith("modified: ") for block in _blocks(line)),
    )


def _blocks(line: str) -> Iterator[Block]:
    found = _LINE.fullmatch(line)
    if found is None:
        return
    match found.lastgroup:
        case "heading":
            yield Block(kind=BlockKind.HEADING, spans=_spans(found["heading"]), level=len(found["hashes"]))
        case "item":
            level = len(found["indent"]) // 2 + 1
            ordered = found["mark"] != "-"
            yield Block(kind=BlockKind.ITEM, spans=_spans(found["item"]), level=level, ordered=ordered)
        case "quote":
            yield Block(kind=BlockKind.QUOTE, spans=_spans(found["quote"]))
        case "row":
            yield Block(kind=BlockKind.ROW, spans=tuple(Span(text=f"{cell}\t") for cell in found["row"].split(" | ")))
        case "after":
            yield Block(kind=BlockKind.CODE, spans=(Span(text=found["code"]),))
            yield Block(kind=BlockKind.PARAGRAPH, spans=_spans(found["after"]))
        case _:
            yield Block(kind=BlockKind.PARAGRAPH, spans=_spans(line))


def _spans(text: str) -> tuple[Span, ...]:
    spans, at = [], 0
    for found in _INLINE.finditer(text):
        spans.append(Span(text=text[at : found.start()]))
        at = found.end()
        if found["bold"]:
            spans.append(Span(text=found["bold"], bold=True))
        else:
            spans.append(Span(text=found["words"] or found["bare"], link=found["link"] or found["bare"]))
    return tuple(span for span in [*spans, Span(text=text[at:])] if span.text)


NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))
DOCUMENTS = {name: document(name) for name in NAMES}

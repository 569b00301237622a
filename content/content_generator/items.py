"""The items of a document by category. The strategy says what an item is; no text of a section is lost by any."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from content.content_generator.metadata import distinct, from_character, metadata_of
from content.content_generator.placeholders import filled
from content.content_generator.plain_text import one_line, opening_of, text_of
from content.content_generator.sections import Section, outline_of
from domain.calls.document import Block, BlockKind, Document, Span
from domain.content_generator.composed import CategorizedItems, Category, Item, Strategy
from domain.social.text import shortened

LONGEST_LABEL = 80
_LABEL = re.compile(r"\s*(\S[^\n]{0,78}?)(?::\s+|\s+[–—-]\s+)(?=\S)")
_LIST_LABEL = re.compile(r"[^\n.!?]+:")


def items_of(document: Document, strategy: Strategy, fetched_at: datetime) -> CategorizedItems:
    """The items of a document. An item's date is its own, else the document's last change, else the fetch."""
    clean = filled(document, {})
    outline = outline_of(_with_label_headings(clean) if strategy is Strategy.STRUCTURED else clean)
    date = document.modified_at or fetched_at
    found: dict[Category, list[Item]] = {category: [] for category in Category}
    for section in outline.sections:
        found[section.category] += _items(section, strategy, section.heading or outline.title, date)
    return CategorizedItems(**{category.value: tuple(items) for category, items in found.items()})


def _items(section: Section, strategy: Strategy, title: str, date: datetime) -> Iterator[Item]:
    """The items of a section. Lines of metadata between its entries hold for all of them; its title for the first."""
    entries = [(blocks, metadata_of(blocks)) for blocks in _entries(section.raw, strategy)]
    shared = metadata_of(block for blocks, own in entries if not own.blocks for block in blocks)
    for _, own in entries:
        if not own.blocks:
            continue
        label, blocks = _labelled(own.blocks) if strategy is Strategy.STRUCTURED else ("", own.blocks)
        opening = shortened(opening_of(blocks), LONGEST_LABEL)
        yield Item(
            title=label or title or opening or section.heading,
            content=text_of(blocks),
            tags=distinct([*own.tags, *shared.tags]),
            date=own.date or shared.date or date,
        )
        title = ""


def _entries(blocks: Sequence[Block], strategy: Strategy) -> Iterator[Sequence[Block]]:
    match strategy:
        case Strategy.MARKDOWN:
            yield blocks
        case Strategy.STRUCTURED:
            yield from _groups(blocks, _begins_entry)
        case Strategy.FREEFORM:
            yield from _groups(blocks, _begins_paragraph)


def _groups(blocks: Iterable[Block], begins: Callable[[Block, Block], bool]) -> Iterator[list[Block]]:
    """The blocks in groups: whether a block begins another one depends on it and the first of the group before."""
    group: list[Block] = []
    for block in blocks:
        if group and begins(block, group[0]):
            yield group
            group = []
        group.append(block)
    yield group


def _begins_paragraph(block: Block, first: Block) -> bool:
    """Any block but a list or table, which belongs to the paragraph above it."""
    return block.kind not in (BlockKind.ITEM, BlockKind.ROW)


def _begins_entry(block: Block, first: Block) -> bool:
    """A list item that is not nested in the one before, and a text behind a list."""
    if block.kind is BlockKind.ITEM:
        return first.kind is not BlockKind.ITEM or block.level <= first.level
    return first.kind is BlockKind.ITEM


def _labelled(blocks: Sequence[Block]) -> tuple[str, Sequence[Block]]:
    """The label of a list's entry, `Label: text` or in bold, and the blocks without it."""
    if blocks[0].kind is not BlockKind.ITEM:
        return "", blocks
    label, start = _label(blocks[0])
    first = blocks[0].model_copy(update={"kind": BlockKind.PARAGRAPH, "level": 0, "ordered": False})
    return one_line(label).strip(" :–—-"), (from_character(first, start), *blocks[1:])


def _label(item: Block) -> tuple[str, int]:
    """The label of a list item, and where its text begins."""
    bold = item.spans[0].text if item.spans[0].bold else ""
    if bold.strip(" :") and len(bold) <= LONGEST_LABEL and _is_apart(item.text.strip(), len(bold)):
        return bold, len(bold)
    label = _LABEL.match(item.text)
    return ("", 0) if label is None or "://" in label[1] else (label[1], label.end())


def _is_apart(text: str, end: int) -> bool:
    """Whether a word ends there, and others follow."""
    return end < len(text) and not text[end - 1 : end + 1].isalnum()


def _with_label_headings(document: Document) -> Document:
    """The document with each label above a list, as `Hardware:`, for a heading below all others."""
    following = (*document.blocks[1:], None)
    blocks = tuple(_label_heading(block, below) for block, below in zip(document.blocks, following, strict=False))
    return document.model_copy(update={"blocks": blocks})


def _label_heading(block: Block, below: Block | None) -> Block:
    text = block.text.strip()
    is_label = block.kind is BlockKind.PARAGRAPH and len(text) <= LONGEST_LABEL and _LIST_LABEL.fullmatch(text)
    if not is_label or below is None or below.kind is not BlockKind.ITEM:
        return block
    heading = (Span(text=text.rstrip(": ")),)
    return block.model_copy(update={"kind": BlockKind.HEADING, "level": 6, "spans": heading})

"""The sections of a document: what stands below each heading, with its category, tags and date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from content.content_generator.categories import CATEGORY_LABELS, by_keywords, hinted, name_in_brackets, named
from content.content_generator.metadata import distinct, from_character, metadata_of, value_of
from content.content_generator.plain_text import one_line, opening_of, words_of
from domain.calls.document import Block, BlockKind, Document
from domain.content_generator.composed import Category
from domain.social.text import shortened

LONGEST_TITLE = 200
LONGEST_HEADING = 120
DEEPEST_HEADING = 6
LONGEST_GREETING = 60
TITLE_NAMES = ("title", "headline")
TEXT_NAMES = ("content", "text", "description", "summary", "body")
_LIST_MARK = re.compile(r"^[ \t]*[->] ", re.MULTILINE)
UNTITLED = "Update"


@dataclass(frozen=True, slots=True)
class Section:
    """A section. `heading` is empty for what stands above the first one. `blocks` are its text, `raw` also metadata."""

    heading: str
    level: int
    blocks: tuple[Block, ...]
    raw: tuple[Block, ...]
    category: Category
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A document by its sections. `tags` are those of all of them."""

    title: str
    sections: tuple[Section, ...]
    tags: tuple[str, ...]

    @property
    def lead(self) -> Section | None:
        """The first section with a text."""
        return next((section for section in self.sections if section.blocks), None)

    @property
    def lead_text(self) -> str:
        """The words of that section, without a line of greeting."""
        blocks = () if self.lead is None else self.lead.blocks
        greets = len(blocks) > 1 and len(blocks[0].text) <= LONGEST_GREETING and blocks[0].text.rstrip().endswith(",")
        return words_of(blocks[1:] if greets else blocks)

    @property
    def lead_line(self) -> str:
        """The lead in one line, for previews: without the marks of lists."""
        return one_line(_LIST_MARK.sub("", self.lead_text))


@dataclass(slots=True)
class _Draft:
    heading: str
    level: int
    blocks: list[Block]
    certain: Category | None = None
    hint: Category | None = None
    is_record: bool = False


def outline_of(document: Document) -> Outline:
    """The outline of a document. Its title is the document's own, else its first heading, else its first words."""
    blocks = [block for block in document.blocks if block.text.strip()]
    title = _title(document, blocks)
    drafts = [draft for draft in _drafts(blocks, title) if draft.heading or draft.blocks or draft.certain]
    sections = tuple(_section(draft, above, title) for draft, above in _with_ancestors(drafts))
    tags = distinct(tag for section in sections for tag in section.tags)
    return Outline(title, sections, tags)


def _title(document: Document, blocks: list[Block]) -> str:
    headings = (_shown(block.text) for block in blocks if block.kind is BlockKind.HEADING)
    paragraphs = (opening_of([block]) for block in metadata_of(blocks).blocks)
    candidates = (_shown(document.title), *headings, *paragraphs)
    return next((shortened(one, LONGEST_TITLE) for one in candidates if one), "") or UNTITLED


def _shown(heading: str) -> str:
    """A heading as it is shown: without the name of a category in brackets, if there is more than that."""
    bracketed = name_in_brackets(one_line(heading))
    if bracketed is None:
        return one_line(heading)
    category, rest = bracketed
    return rest or CATEGORY_LABELS[category]


def _drafts(blocks: Iterable[Block], title: str) -> Iterator[_Draft]:
    """The sections as they stand. A heading that repeats the title begins the document, not a section."""
    draft, last_level = _Draft("", 0, []), 0
    for block in blocks:
        heading = _heading(block, last_level)
        if heading is None:
            draft.blocks.append(block)
            continue
        yield draft
        is_title = _shown(heading.text) == title and not draft.heading and draft.level == 0
        draft = _begun(heading, is_title)
        last_level = draft.level if block.kind is BlockKind.HEADING else last_level
    yield draft


def _begun(heading: _Heading, is_title: bool) -> _Draft:
    bracketed = name_in_brackets(heading.text)
    if is_title:
        return _Draft("", heading.level, [], None if bracketed is None else bracketed[0])
    certain = bracketed[0] if bracketed is not None else named(heading.text)
    return _Draft(_shown(heading.text), heading.level, [], certain, hinted(heading.text), heading.is_record)


class _Heading(NamedTuple):
    text: str
    level: int
    is_record: bool = False


def _heading(block: Block, last_level: int) -> _Heading | None:
    """The heading that a block is, by its kind or as a short paragraph: `[Hardware] News`, `Hardware:`, `Title: News`.

    Paragraphs stand below the last heading: one that begins a record below the others.
    """
    text = one_line(block.text)
    if block.kind is BlockKind.HEADING:
        return _Heading(text, min(max(block.level, 1), DEEPEST_HEADING))
    if block.kind is not BlockKind.PARAGRAPH or len(text) > LONGEST_HEADING or "\n" in block.text.strip():
        return None
    if record := one_line(value_of(block, TITLE_NAMES)):
        return _Heading(record, min(last_level + 2, DEEPEST_HEADING), is_record=True)
    bracketed = name_in_brackets(text)
    is_bracketed = bracketed is not None and not bracketed[1].endswith((".", "!", "?"))
    is_label = text.endswith(":") and named(text) is not None
    return _Heading(text.rstrip(": "), min(last_level + 1, DEEPEST_HEADING)) if is_bracketed or is_label else None


def _with_ancestors(drafts: Iterable[_Draft]) -> Iterator[tuple[_Draft, list[_Draft]]]:
    """Each section with those that it stands below, the nearest first."""
    above: list[_Draft] = []
    for draft in drafts:
        above = [one for one in above if one.level < draft.level]
        yield draft, above[::-1]
        above.append(draft)


def _section(draft: _Draft, above: list[_Draft], title: str) -> Section:
    raw = tuple(map(_without_label, draft.blocks)) if draft.is_record else tuple(draft.blocks)
    metadata = metadata_of(raw)
    draft.certain = draft.certain or metadata.category
    category = next((one.certain for one in (draft, *above) if one.certain is not None), None)
    hint = next((one.hint for one in (draft, *above) if one.hint is not None), None)
    return Section(
        heading=draft.heading,
        level=draft.level,
        blocks=metadata.blocks,
        raw=raw,
        category=category or hint or by_keywords(draft.heading or title, words_of(metadata.blocks)),
        tags=metadata.tags,
    )


def _without_label(block: Block) -> Block:
    """The text of a record without its label, as `Content:`."""
    return from_character(block, block.text.index(":") + 1) if value_of(block, TEXT_NAMES) else block

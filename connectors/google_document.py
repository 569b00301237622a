"""The reader of Google's documents: tabs and nested tabs, headings, lists, tables and links as blocks.

What is only suggested, notes, headers and footers, and tables of contents are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.document_draft import DocumentDraft, Run, link_of, one_line
from connectors.provider_json import Fields, count_in, fields_in, list_in, text_in
from domain.calls.document import BlockKind

DEEPEST_TAB = 10
DEEPEST_TABLE = 5
"""Levels of tabs and tables inside each other; Google has three of tabs."""

_HEADINGS = {"TITLE": 1} | {f"HEADING_{level}": level for level in range(1, 7)}
_NUMBERS = frozenset({"DECIMAL", "ZERO_DECIMAL", "UPPER_ALPHA", "ALPHA", "UPPER_ROMAN", "ROMAN"})
_NAMELESS = re.compile(r"Tab \d+")


def read_google(fields: Fields) -> DocumentDraft:
    """The document of a `documents.get`; raises DocumentTooLarge."""
    draft = DocumentDraft()
    draft.title = text_in(fields, "title")
    tabs = list(_tabs(fields))
    for tab in tabs:
        if len(tabs) > 1:
            _read_title(draft, text_in(fields_in(tab, "tabProperties"), "title"))
        content = fields_in(tab, "documentTab")
        _TabReader(draft, fields_in(content, "lists")).read(list_in(fields_in(content, "body"), "content"))
    if not tabs:  # an answer without tabs has the content of the first at its top
        _TabReader(draft, fields_in(fields, "lists")).read(list_in(fields_in(fields, "body"), "content"))
    return draft


def _tabs(fields: Fields, name: str = "tabs", depth: int = 1) -> Iterator[Fields]:
    for tab in list_in(fields, name):
        yield tab
        if depth < DEEPEST_TAB:
            yield from _tabs(tab, "childTabs", depth + 1)


def _read_title(draft: DocumentDraft, title: str) -> None:
    if not _NAMELESS.fullmatch(one_line(title)):
        draft.add(BlockKind.HEADING, [Run(title)], 1)


class _TabReader:
    def __init__(self, draft: DocumentDraft, lists: Fields) -> None:
        self._draft = draft
        self._lists = lists

    def read(self, content: list[Fields], depth: int = 0) -> None:
        for element in content:
            if isinstance(element.get("paragraph"), dict):
                self._paragraph(fields_in(element, "paragraph"))
            elif isinstance(element.get("table"), dict) and depth < DEEPEST_TABLE:
                self._table(fields_in(element, "table"), depth)

    def _paragraph(self, paragraph: Fields) -> None:
        runs = list(_runs(paragraph))
        style = text_in(fields_in(paragraph, "paragraphStyle"), "namedStyleType")
        if style in _HEADINGS:
            self._draft.add(BlockKind.HEADING, runs, _HEADINGS[style])
        elif isinstance(paragraph.get("bullet"), dict):
            bullet = fields_in(paragraph, "bullet")
            level = count_in(bullet, "nestingLevel") or 0
            ordered = self._is_ordered(text_in(bullet, "listId"), level)
            self._draft.add(BlockKind.ITEM, runs, level + 1, ordered=ordered)
        else:
            self._draft.add(BlockKind.PARAGRAPH, runs)

    def _is_ordered(self, list_id: str, level: int) -> bool:
        levels = list_in(fields_in(fields_in(self._lists, list_id), "listProperties"), "nestingLevels")
        return level < len(levels) and text_in(levels[level], "glyphType") in _NUMBERS

    def _table(self, table: Fields, depth: int) -> None:
        rows = [list_in(row, "tableCells") for row in list_in(table, "tableRows")]
        if len(rows) == 1 and len(rows[0]) == 1:  # a frame around text
            self.read(list_in(rows[0][0], "content"), depth + 1)
            return
        for row in rows:
            self._draft.add_row(list(_cell(list_in(cell, "content"), depth)) for cell in row)


def _cell(content: list[Fields], depth: int) -> Iterator[Run]:
    for element in content:
        yield from _runs(fields_in(element, "paragraph"))
        yield Run(" ")
        if depth < DEEPEST_TABLE:
            for row in list_in(fields_in(element, "table"), "tableRows"):
                for cell in list_in(row, "tableCells"):
                    yield from _cell(list_in(cell, "content"), depth + 1)


def _runs(paragraph: Fields) -> Iterator[Run]:
    for element in list_in(paragraph, "elements"):
        for name, part in element.items():
            if isinstance(part, dict) and not part.get("suggestedInsertionIds"):
                yield from _run(name, part)


def _run(name: str, part: Fields) -> Iterator[Run]:
    style = fields_in(part, "textStyle")
    link = link_of(text_in(fields_in(style, "link"), "url"))
    bold, italic = style.get("bold") is True, style.get("italic") is True
    match name:
        case "textRun":
            yield Run(text_in(part, "content"), bold, italic, link)
        case "richLink":
            chip = fields_in(part, "richLinkProperties")
            address = text_in(chip, "uri")
            yield Run(text_in(chip, "title") or address, bold, italic, link_of(address))
        case "person":
            person = fields_in(part, "personProperties")
            yield Run(text_in(person, "name"), bold, italic)
        case "dateElement":
            yield Run(text_in(fields_in(part, "dateElementProperties"), "displayText"), bold, italic)

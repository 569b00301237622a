"""The reader of HTML: headings, paragraphs, lists, quotes, code and tables as blocks.

Of a page with a main part, or else with articles, only those are read; of any other page, all but navigation, asides
and footers. Hidden parts, scripts and forms' controls are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from connectors.document_draft import LONGEST_MOMENT, DocumentDraft, DocumentTooLarge, Run, link_of, moment_of
from connectors.html_head import PageHead
from documents.html.elements import (
    BLOCKS,
    BOLD,
    HEADINGS,
    ITALIC,
    LISTS,
    MARGINS,
    REGIONS,
)
from documents.html.hidden import HiddenElement
from documents.html.tokens import EndTag, StartTag, Text, tokens
from domain.calls.document import BlockKind

MOST_TOKENS = 200_000
"""The most tags and texts of a page; a long article has a tenth of it."""

MOST_RUNS = 50_000
"""The most changes of style within a block, and beyond it the page is no document."""

MOST_CELLS = 1_000
"""The most cells of a row."""

_SPACE = re.compile(r"\s+")


def read_html(html: str, base: str = "") -> DocumentDraft:
    """The document of a page at an address; raises DocumentTooLarge."""
    head = PageHead()
    region = next((name for name in REGIONS if re.search(rf"<{name}[\s/>]", html, re.IGNORECASE)), None)
    reader = HtmlReader(head, base, region)
    reader.read(html)
    if region is not None and not reader.draft.has_text:
        reader = HtmlReader(head, base, None)
        reader.read(html)
    reader.draft.title = head.title
    reader.draft.modified_at = head.modified_at
    return reader.draft


class HtmlReader:
    """The reader of one page, of which it takes the parts in elements of that name only, or everything."""

    def __init__(self, head: PageHead, base: str, region: str | None) -> None:
        self.draft = DocumentDraft()
        self._head = head
        self._base = base
        self._region = region
        self._regions = 0
        self._margins = 0
        self._hidden = HiddenElement()
        self._in_title = False
        self._runs: list[Run] = []
        self._kind = BlockKind.PARAGRAPH
        self._level = 0
        self._lists: list[bool] = []
        self._item = False
        self._quotes = 0
        self._row: list[list[Run]] | None = None
        self._bold = 0
        self._italic = 0
        self._link: str | None = None
        self._moment: tuple[str, str] | None = None

    def read(self, html: str) -> None:
        for count, token in enumerate(tokens(html)):
            if count >= MOST_TOKENS:
                raise DocumentTooLarge
            match token:
                case Text(text):
                    self._text(text)
                case StartTag(name, attributes):
                    self._start(name, attributes)
                case EndTag(name):
                    self._end(name)
        self._flush()
        self._flush_row()

    @property
    def _shown(self) -> bool:
        return not self._hidden.is_open and (self._regions > 0 if self._region else self._margins == 0)

    def _text(self, text: str) -> None:
        if self._in_title:
            self._head.titled(text)
        else:
            self._run(text if self._kind is BlockKind.CODE else _SPACE.sub(" ", text))
            self._moment = (
                None if self._moment is None else (self._moment[0], (self._moment[1] + text)[:LONGEST_MOMENT])
            )

    def _run(self, text: str) -> None:
        run = Run(text, self._bold > 0, self._italic > 0, self._link)
        if not self._shown:
            return
        if self._row is None:
            self._pend(self._runs, run)
        elif self._row:
            self._pend(self._row[-1], run)

    def _pend(self, runs: list[Run], run: Run) -> None:
        if len(runs) >= MOST_RUNS:
            raise DocumentTooLarge
        runs.append(run)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "meta":
            self._head.described(attributes)
        elif name == "title":
            self._in_title = not self._hidden.is_open
        elif name == "base":
            self._base = link_of(attributes.get("href", ""), self._base) or self._base
        if self._hidden.begins(name, attributes):
            return
        self._regions += name == self._region
        self._margins += name in MARGINS
        if name in _STARTS:
            _STARTS[name](self, attributes)
        elif name in HEADINGS:
            self._begin(BlockKind.HEADING, HEADINGS[name])
        elif name in BLOCKS:
            self._break()

    def _end(self, name: str) -> None:
        if name == "title":
            self._in_title = False
        if self._hidden.is_open:
            self._hidden.ends(name)
            return
        if name in _ENDS:
            _ENDS[name](self)
        elif name in HEADINGS or name in BLOCKS:
            self._break()
        self._regions = max(self._regions - (name == self._region), 0)
        self._margins = max(self._margins - (name in MARGINS), 0)

    def _begin(self, kind: BlockKind, level: int = 0) -> None:
        self._flush()
        self._leave_row()
        self._kind, self._level = kind, level

    def _break(self) -> None:
        if self._row is not None:
            self._run(" ")
        else:
            self._flush()

    def _flush(self) -> None:
        """End the block: an item of a list is the first block in it, and what follows there is text."""
        runs, self._runs = self._runs, []
        kind, level = self._kind, self._level
        self._kind, self._level = BlockKind.PARAGRAPH, 0
        if not any(run.text.strip() for run in runs):
            return
        if kind is BlockKind.PARAGRAPH and self._item:
            kind, level = BlockKind.ITEM, max(len(self._lists), 1)
            self._item = False
        elif kind is BlockKind.PARAGRAPH and self._quotes:
            kind = BlockKind.QUOTE
        self.draft.add(kind, runs, level, ordered=kind is BlockKind.ITEM and bool(self._lists and self._lists[-1]))

    def _flush_row(self) -> None:
        row, self._row = self._row, None
        if row:
            self.draft.add_row(row)

    def _leave_row(self) -> None:
        """Go on without a table, as one whose cells have headings or lists only lays out the page."""
        if self._row is not None:
            self._flush_row()

    def _open_list(self, ordered: bool) -> None:
        self._flush()
        self._leave_row()
        self._lists.append(ordered)

    def _close_list(self) -> None:
        self._flush()
        self._item = False
        if self._lists:
            self._lists.pop()

    def _open_item(self, _attributes: Mapping[str, str]) -> None:
        self._flush()
        self._leave_row()
        self._item = True

    def _close_item(self) -> None:
        self._flush()
        self._item = False

    def _open_quote(self, _attributes: Mapping[str, str]) -> None:
        self._break()
        self._quotes += 1

    def _close_quote(self) -> None:
        self._break()
        self._quotes = max(self._quotes - 1, 0)

    def _open_code(self, _attributes: Mapping[str, str]) -> None:
        self._begin(BlockKind.CODE)

    def _open_row(self, _attributes: Mapping[str, str]) -> None:
        self._close_row()
        self._row = []

    def _close_row(self) -> None:
        self._flush()
        self._flush_row()

    def _open_cell(self, _attributes: Mapping[str, str]) -> None:
        self._flush()
        self._row = self._row or []
        if len(self._row) >= MOST_CELLS:
            raise DocumentTooLarge
        self._row.append([])

    def _open_link(self, attributes: Mapping[str, str]) -> None:
        self._link = link_of(attributes["href"], self._base) if attributes.get("href") else None

    def _close_link(self) -> None:
        self._link = None

    def _line(self, _attributes: Mapping[str, str]) -> None:
        self._run("\n")

    def _time(self, attributes: Mapping[str, str]) -> None:
        self._head.dated(attributes)
        moment = moment_of(attributes.get("datetime", ""))
        self._moment = (moment.date().isoformat(), "") if moment else None

    def _close_time(self) -> None:
        """Write a date out that is shown without its year: read later, "yesterday" is another day."""
        moment, self._moment = self._moment, None
        if moment is not None and moment[0][:4] not in moment[1]:
            self._run(f" ({moment[0]})")

    def _embolden(self, step: int) -> None:
        self._bold = max(self._bold + step, 0)

    def _slant(self, step: int) -> None:
        self._italic = max(self._italic + step, 0)


_STARTS: dict[str, Callable[[HtmlReader, Mapping[str, str]], None]] = {
    **dict.fromkeys(LISTS, lambda reader, _: reader._open_list(False)),
    "ol": lambda reader, _: reader._open_list(True),
    **dict.fromkeys(BOLD, lambda reader, _: reader._embolden(1)),
    **dict.fromkeys(ITALIC, lambda reader, _: reader._slant(1)),
    "li": HtmlReader._open_item,
    "blockquote": HtmlReader._open_quote,
    "pre": HtmlReader._open_code,
    "table": lambda reader, _: reader._close_row(),
    "tr": HtmlReader._open_row,
    "td": HtmlReader._open_cell,
    "th": HtmlReader._open_cell,
    "a": HtmlReader._open_link,
    "br": HtmlReader._line,
    "time": HtmlReader._time,
}
_ENDS: dict[str, Callable[[HtmlReader], None]] = {
    **dict.fromkeys(LISTS, HtmlReader._close_list),
    **dict.fromkeys(BOLD, lambda reader: reader._embolden(-1)),
    **dict.fromkeys(ITALIC, lambda reader: reader._slant(-1)),
    "li": HtmlReader._close_item,
    "blockquote": HtmlReader._close_quote,
    "pre": HtmlReader._flush,
    "table": HtmlReader._close_row,
    "tr": HtmlReader._close_row,
    "a": HtmlReader._close_link,
    "time": HtmlReader._close_time,
}

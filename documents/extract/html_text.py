"""The text of an HTML page: what a reader sees, in lines, with an empty line between blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from documents.extract.layout import CELL, LINE, PARAGRAPH, SPACE, Layout
from documents.extract.request import Failure, Unextractable
from documents.html.elements import BLOCKS, HEADINGS, LISTS
from documents.html.hidden import HiddenElement
from documents.html.tokens import VOID, EndTag, StartTag, Text, tokens

_SPACE = re.compile(r"[ \t\n\r\f]+")
_CELLS = frozenset({"td", "th"})
_LINES = frozenset({"br", "li", "tr", "dt", "dd"})
_PARAGRAPHS = (BLOCKS | HEADINGS.keys() | LISTS | {"ol", "blockquote", "pre", "table"}) - _LINES
_END_IMPLIED = frozenset(
    {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup", "colgroup", "caption"}
    | {"html", "body", "head", "rt", "rp"}
)
"""Elements whose end tag may be left out, so that their start tags alone say nothing about depth."""


def html_text(html: str, deepest: int) -> str:
    """The text of a page, uncleaned; raises Unextractable where elements are nested deeper than that."""
    page = _Page(deepest)
    for token in tokens(html):
        match token:
            case Text(text):
                page.add(text)
            case StartTag(name, attributes):
                page.open(name, attributes)
            case EndTag(name):
                page.close(name)
    return page.text


class _Page:
    """The text of a page as its tokens come."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._layout = Layout()
        self._open: dict[str, int] = {}
        self._depth = 0
        self._hidden = HiddenElement()
        self._preformatted = 0

    @property
    def text(self) -> str:
        return self._layout.text

    def add(self, text: str) -> None:
        if self._hidden.is_open:
            return
        if self._preformatted:
            self._layout.write(text)
            return
        words = _SPACE.sub(" ", text)
        if words.startswith(" "):
            self._layout.space(SPACE)
        if stripped := words.strip(" "):
            self._layout.write(stripped)
        if words.endswith(" "):
            self._layout.space(SPACE)

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._hidden.begins(name, attributes):
            return
        self._deepen(name)
        self._preformatted += name == "pre"
        self._part(name)

    def close(self, name: str) -> None:
        if self._hidden.is_open:
            self._hidden.ends(name)
            return
        if self._open.get(name):
            self._open[name] -= 1
            self._depth -= 1
        self._preformatted = max(self._preformatted - (name == "pre"), 0)
        self._part(name)

    def _part(self, name: str) -> None:
        if name in _CELLS:
            self._layout.space(CELL)
        elif name in _LINES:
            self._layout.space(LINE)
        elif name in _PARAGRAPHS:
            self._layout.space(PARAGRAPH)

    def _deepen(self, name: str) -> None:
        if name in VOID or name in _END_IMPLIED:
            return
        self._open[name] = self._open.get(name, 0) + 1
        self._depth += 1
        if self._depth > self._deepest:
            raise Unextractable(Failure.TOO_DEEP, f"the page's elements are nested more than {self._deepest} deep")

"""The plain text of an HTML newsletter, for readers and programs that show no HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from content.content_generator.plain_text import safe_link
from content.content_generator.sanitizer import structure_of
from domain.social.text import shortened

LONGEST_TEXT = 100_000
"""Characters. A newsletter's HTML and text are kept in one record."""

_BLANKS = re.compile(r"[ \t\r\n\xa0]+")
_GAPS = re.compile(r"\n{3,}")
_BREAKS = {"br": "\n", "hr": "\n\n---\n\n", "li": "\n- ", "td": "\t", "th": "\t", "tr": "\n", "dd": "\n", "dt": "\n"}
_PARAGRAPHS = {"address", "article", "aside", "blockquote", "caption", "details", "div", "dl", "figure", "footer", "h1"}
_PARAGRAPHS |= {"h2", "h3", "h4", "h5", "h6", "header", "main", "nav", "ol", "p", "pre", "section", "table", "ul"}


def text_of_html(html: str) -> str:
    """The text of HTML: paragraphs, list items, cells, addresses behind links, words for pictures. Raises TooNested."""
    reader = _Reader()
    reader.feed(structure_of(html))
    reader.close()
    lines = (line.strip(" \t") for line in "".join(reader.parts).split("\n"))
    text = _GAPS.sub("\n\n", "\n".join(_BLANKS.sub(" ", line) for line in lines)).strip()
    return shortened(text, LONGEST_TEXT) + "\n"


class _Reader(HTMLParser):
    """The pieces of text of cleaned HTML: its elements are balanced and its text is escaped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._links: list[tuple[int, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._links.append((len(self.parts), safe_link(dict(attrs).get("href"))))
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")
        else:
            self.parts.append(_BREAKS.get(tag, "\n\n" if tag in _PARAGRAPHS else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            start, link = self._links.pop()
            shown = "".join(self.parts[start:])
            if link is not None and shown.strip() and link.removeprefix("mailto:") not in shown:
                self.parts.append(f" ({link})")
        elif tag in _PARAGRAPHS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(_BLANKS.sub(" ", data))

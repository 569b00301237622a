"""The readers of Markdown and of plain text: headings, paragraphs, lists, quotes, code and tables as blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.document_draft import DocumentDraft, DocumentTooLarge, Run, link_of, moment_of
from domain.calls.document import BlockKind

MOST_MARKDOWN = 250_000
"""The most bytes of Markdown: those of a document's text, and a quarter for marks and links.

Parsing takes about as long as there is text, but ten seconds for a megabyte of marks that mean nothing.
"""

_MATTER = re.compile(r"\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"(\w[\w-]*)[ \t]*:[ \t]*(.+)")
_CHANGES = ("modified", "updated", "lastmod", "last_modified", "date")

_MARKED = re.compile(r"^ {0,3}(?:#{1,6} \S|```|~~~)", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_LINE_TAG = re.compile(r"<br ?/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]{0,20}(?:\s[^<>]{0,500})?/?>")
_LABEL = re.compile(r"[ \t]*(?:\w[\w /-]{0,40}:|#\w)")
"""The beginning of a line that is one for itself (`Tags: a, b`, `#a #b`), though Markdown joins lines."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])

_Style = tuple[bool, bool, str | None]


def is_markdown(text: str) -> bool:
    """Whether a plain text is Markdown: it has front matter, a heading with `#`, or fenced code."""
    return bool(_MATTER.match(text) or _MARKED.search(text))


def read_markdown(text: str, base: str = "") -> DocumentDraft:
    """The document of a Markdown text at an address; raises DocumentTooLarge. Tags of HTML are left out."""
    _check_size(text)
    draft = DocumentDraft()
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if matter := _MATTER.match(lines):
        _read_matter(draft, matter[1])
        lines = lines[matter.end() :]
    MarkdownReader(draft, base).read(_MARKDOWN.parse(_COMMENT.sub("", lines)))
    return draft


def read_plain(text: str) -> DocumentDraft:
    """The document of a plain text, with a paragraph between any two empty lines; raises DocumentTooLarge."""
    _check_size(text)
    draft = DocumentDraft()
    for paragraph in re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        draft.add(BlockKind.PARAGRAPH, [Run(paragraph)])
    return draft


def _check_size(text: str) -> None:
    if len(text.encode(errors="replace")) > MOST_MARKDOWN:
        raise DocumentTooLarge


def _read_matter(draft: DocumentDraft, matter: str) -> None:
    fields = {found[1].lower(): found[2].strip().strip("\"'") for found in _FIELD.finditer(matter)}
    draft.title = fields.get("title", "")
    draft.modified_at = next((moment for name in _CHANGES if (moment := moment_of(fields.get(name, "")))), None)
    if tags := fields.get("tags", "").strip("[]"):
        draft.add(BlockKind.PARAGRAPH, [Run(f"Tags: {tags}")])


class MarkdownReader:
    """The reader of Markdown's tokens into a draft."""

    def __init__(self, draft: DocumentDraft, base: str) -> None:
        self._draft = draft
        self._base = base
        self._lists: list[bool] = []
        self._item = False
        self._quotes = 0
        self._heading = 0
        self._row: list[list[Run]] | None = None

    def read(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.type in {"fence", "code_block"}:
                self._draft.add(BlockKind.CODE, [Run(token.content)])
            elif token.type == "inline":
                self._inline(list(_runs(token.children or [], self._base)))
            else:
                self._enclose(token)

    def _enclose(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading = int(token.tag[1])
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(token.type == "ordered_list_open")
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open" | "list_item_close":
                self._item = token.nesting == 1
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "tr_open":
                self._row = []
            case "tr_close":
                self._draft.add_row(self._row or [])
                self._row = None

    def _inline(self, runs: list[Run]) -> None:
        if self._row is not None:
            self._row.append(runs)
        elif self._heading:
            self._draft.add(BlockKind.HEADING, runs, self._heading)
            self._heading = 0
        elif self._item:
            self._draft.add(BlockKind.ITEM, runs, len(self._lists), ordered=self._lists[-1])
            self._item = False
        else:
            self._draft.add(BlockKind.QUOTE if self._quotes else BlockKind.PARAGRAPH, runs)


def _runs(children: Sequence[Token], base: str) -> Iterator[Run]:
    bold = italic = 0
    link: str | None = None
    for place, child in enumerate(children):
        match child.type:
            case "strong_open" | "strong_close":
                bold += child.nesting
            case "em_open" | "em_close":
                italic += child.nesting
            case "link_open":
                link = link_of(str(child.attrs.get("href", "")), base)
            case "link_close":
                link = None
            case "softbreak":
                yield Run(_break(children[place + 1 : place + 3]), bold > 0, italic > 0, link)
            case "hardbreak":
                yield Run("\n", bold > 0, italic > 0, link)
            case "text":
                yield Run(_TAG.sub("", _LINE_TAG.sub("\n", child.content)), bold > 0, italic > 0, link)
            case "code_inline":
                yield Run(child.content, bold > 0, italic > 0, link)


def _break(following: Sequence[Token]) -> str:
    text = next((token.content for token in following if token.content), "")
    return "\n" if _LABEL.match(text) else " "

"""Markdown into tokens: CommonMark with tables, strikethrough, footnotes, task and definition lists, and formulas."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from documents.errors import DocumentTooLarge
from documents.render.markdown_html import html_plugin
from documents.render.markdown_math import math_plugin

_LINE_ENDS = str.maketrans(dict.fromkeys("\v\f\x85\u2028\u2029", "\n"))

MOST_TOKENS = 200_000
"""The most tokens of a document. A dense megabyte of prose has a quarter of that."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The flow of the document, and the body of each footnote by its number.

    A paragraph at the beginning of a note is hidden: it stays in the line of its container, the number of the note.
    """

    flow: list[Token]
    notes: dict[int, list[Token]]


def parse(markdown: str) -> Parsed:
    """The document as tokens. HTML is text but for a few tags. Raises DocumentTooLarge for too many tokens."""
    tokens = _MARKDOWN.parse(normalised(markdown))
    if len(tokens) + sum(len(token.children or ()) for token in tokens) > MOST_TOKENS:
        raise DocumentTooLarge("the document has too many parts: paragraphs, list items, table cells and the like")
    return _without_notes(tokens)


def normalised(markdown: str) -> str:
    """The document without byte order marks, and with one kind of line ends."""
    return markdown.replace("\ufeff", "").replace("\r\n", "\n").translate(_LINE_ENDS)


def _without_notes(tokens: list[Token]) -> Parsed:
    kinds = [token.type for token in tokens]
    if "footnote_block_open" not in kinds:
        return Parsed(tokens, {})
    start = kinds.index("footnote_block_open")
    notes: dict[int, list[Token]] = {}
    body: list[Token] = []
    for token in tokens[start + 1 :]:
        if token.type == "footnote_open":
            notes[token.meta["id"]] = body = []
        elif token.type not in {"footnote_close", "footnote_anchor", "footnote_block_close"}:
            token.hidden = token.hidden or (token.type == "paragraph_open" and not body)
            body.append(token)
    return Parsed(tokens[:start], notes)


def _hoisted_notes(state: StateCore) -> None:
    """Move definitions of notes out of each other: the plugin takes the end of an inner one for that of the outer."""
    open_notes: list[list[Token]] = [[]]
    notes: list[Token] = []
    for token in state.tokens:
        if token.type == "footnote_reference_open":
            open_notes.append([])
        open_notes[-1].append(token)
        if token.type == "footnote_reference_close":
            notes += open_notes.pop()
    state.tokens = [token for part in open_notes for token in part] + notes


def _accept(_address: str) -> bool:
    """Accept every address: the writer decides on links. A refusal here would lose the text beside the address."""
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])
    parser.use(math_plugin).use(html_plugin).use(footnote_plugin).use(tasklists_plugin).use(deflist_plugin)
    parser.core.ruler.before("footnote_tail", "hoisted_notes", _hoisted_notes)
    parser.use(anchors_plugin, max_level=6)
    parser.validateLink = _accept  # type: ignore[method-assign, assignment]
    return parser


_MARKDOWN = _parser()

"""Markdown into tokens: CommonMark with tables, strikethrough, footnotes, task and definition lists, and formulas."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from mdit_py_plugins.texmath import texmath_plugin

from documents.errors import DocumentTooLarge

_PARAGRAPH = {"paragraph_open", "paragraph_close"}

_BRACKETS = {"\\[": ("\\]", "math_inline_double"), "\\(": ("\\)", "math_inline")}

MOST_TOKENS = 200_000
"""The most tokens of a document. A dense megabyte of prose has a quarter of that."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The flow of the document, and the body of each footnote by its number: its first paragraph is hidden.

    A hidden paragraph stays in the line of its container, here the number of the note.
    """

    flow: list[Token]
    notes: dict[int, list[Token]]


def parse(markdown: str) -> Parsed:
    """The document as tokens. HTML is text like any other. Raises DocumentTooLarge for too many tokens."""
    tokens = _MARKDOWN.parse(markdown)
    if len(tokens) + sum(len(token.children or ()) for token in tokens) > MOST_TOKENS:
        raise DocumentTooLarge("the document has too many parts: paragraphs, list items, table cells and the like")
    return _without_notes(tokens)


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
            token.hidden = token.hidden or (token.type in _PARAGRAPH and len(body) < 3)
            body.append(token)
    return Parsed(tokens[:start], notes)


def _accept(_address: str) -> bool:
    """Accept every address: the writer decides on links. A refusal here would lose the text beside the address."""
    return True


def _bracketed(state: StateInline, silent: bool) -> bool:
    r"""Parse `\[…\]` within a paragraph, and `\(…\)` over several lines, which the plugin does not."""
    opening = state.src[state.pos : state.pos + 2]
    if opening not in _BRACKETS:
        return False
    closing, kind = _BRACKETS[opening]
    end = state.src.find(closing, state.pos + 2, state.posMax)
    if end < 0:
        return False
    if not silent:
        state.push(kind, "math", 0).content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])
    parser.use(texmath_plugin, delimiters="brackets")
    parser.inline.ruler.before("escape", "bracketed_math", _bracketed)
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    parser.use(amsmath_plugin).use(footnote_plugin).use(tasklists_plugin).use(deflist_plugin)
    parser.use(anchors_plugin, max_level=6)
    parser.validateLink = _accept  # type: ignore[method-assign, assignment]
    return parser


_MARKDOWN = _parser()

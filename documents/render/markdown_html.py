"""The HTML that is set: `<br>`, `<sub>` and `<sup>` without attributes. All other HTML is text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

_TAG = re.compile(r"<(?:br\s{0,9}/?|/?(?:sub|sup))>", re.IGNORECASE)


def html_plugin(parser: MarkdownIt) -> None:
    """Parse the tags, and pair those of subscripts and superscripts; a tag without its pair is text."""
    parser.inline.ruler.before("autolink", "tags", _tag)
    parser.core.ruler.after("inline", "paired_tags", _paired)


def _tag(state: StateInline, silent: bool) -> bool:
    found = _TAG.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        name = found.group()[1:-1].rstrip("/ \t\n").lower()
        token = state.push("hardbreak" if name == "br" else "tag", "br" if name == "br" else name, 0)
        token.content = found.group()
    state.pos = found.end()
    return True


def _paired(state: StateCore) -> None:
    for token in state.tokens:
        if token.children and any(child.type == "tag" for child in token.children):
            _pair(token.children)


def _pair(tokens: list[Token]) -> None:
    """Pair what lies within the same element; a tag that is left over becomes text."""
    opened: list[Token] = []
    for token in tokens:
        if token.type == "tag" and not token.tag.startswith("/"):
            opened.append(token)
        elif token.type == "tag":
            _close(opened, token)
        elif token.nesting == 1:
            opened.append(token)
        elif token.nesting == -1:
            while opened.pop().type == "tag":
                pass
    for token in tokens:
        if token.type == "tag":
            token.type = "text"


def _close(opened: list[Token], token: Token) -> None:
    if opened and opened[-1].type == "tag" and opened[-1].tag == token.tag[1:]:
        opening = opened.pop()
        opening.type, opening.nesting = f"{opening.tag}_open", 1
        token.type, token.nesting = f"{opening.tag}_close", -1

"""Syntax highlighting: the pieces of each line of program text, with their colours."""

from __future__ import annotations

from collections.abc import Iterator

from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

INKS = {
    Token.Comment: "comment",
    Token.Keyword: "keyword",
    Token.Operator.Word: "keyword",
    Token.Name.Tag: "keyword",
    Token.Literal.String: "string",
    Token.Literal.Number: "number",
    Token.Keyword.Constant: "number",
    Token.Name.Function: "name",
    Token.Name.Class: "name",
    Token.Name.Namespace: "name",
    Token.Name.Attribute: "name",
    Token.Name.Decorator: "name",
    Token.Name.Builtin: "name",
    Token.Generic.Deleted: "deleted",
    Token.Generic.Inserted: "inserted",
    Token.Generic.Heading: "keyword",
    Token.Generic.Subheading: "keyword",
}
"""Kinds of token, and the name of their colour in the template. Others are plain."""

Piece = tuple[str, str]
"""A colour's name ("plain" for none) and text without line ends."""


def lines(code: str, language: str) -> Iterator[list[Piece]]:
    """The lines of the code, each as its pieces from left to right; plain if the language is not known."""
    line: list[Piece] = []
    for ink, text in _tokens(code.removesuffix("\n").expandtabs(4) + "\n", language):
        first, *others = text.split("\n")
        line.append((ink, first))
        for other in others:
            yield [piece for piece in line if piece[1]]
            line = [(ink, other)]


def _tokens(code: str, language: str) -> Iterator[Piece]:
    """Tokenise the code with its line ends: some lexers need the end of a line."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return iter([("plain", code)])
    return ((_ink(kind), text) for kind, text in lexer.get_tokens(code))


def _ink(kind: _TokenType) -> str:
    while kind.parent is not None:
        if kind in INKS:
            return INKS[kind]
        kind = kind.parent
    return "plain"

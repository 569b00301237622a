"""Queries over a sequence of Markdown tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it.token import Token


def slugs(tokens: Sequence[Token]) -> Iterator[str]:
    return (str(token.attrs.get("id", "")) for token in tokens if token.type == "heading_open")


def until_close(tokens: Sequence[Token], place: int) -> Iterator[Token]:
    level = tokens[place].level
    for following in range(place + 1, len(tokens)):
        token = tokens[following]
        if token.level == level and token.nesting == -1:
            return
        yield token


def prose(tokens: Sequence[Token], place: int) -> Iterator[str]:
    for token in until_close(tokens, place):
        yield from (child.content for child in token.children or () if child.type == "text")


def tight(tokens: Sequence[Token], place: int) -> str:
    item = tokens[place].level + 1
    paragraphs = (token for token in until_close(tokens, place) if token.type == "paragraph_open")
    return "false" if any(token.level == item + 1 and not token.hidden for token in paragraphs) else "true"


def alignment(cell: Token) -> str:
    return str(cell.attrs.get("style", "text-align:start")).removeprefix("text-align:")

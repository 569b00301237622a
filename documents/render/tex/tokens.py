"""Tokens of a TeX formula, and the reader over them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from documents.render.tex.errors import Unset

_TOKEN = re.compile(r"\\(?P<command>[a-zA-Z]+|[^a-zA-Z])|(?P<space>\s+)|(?P<character>.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A command without its backslash, or a character; `start` and `end` are its place in the source."""

    name: str
    command: bool
    start: int
    end: int

    def is_character(self, *names: str) -> bool:
        return not self.command and self.name in names

    def is_command(self, *names: str) -> bool:
        return self.command and self.name in names


END = Token("", False, -1, -1)
"""What `peek` gives when nothing follows."""


def tokens(source: str) -> Iterator[Token]:
    """The tokens of the source without white space. A lone backslash at the end is refused."""
    for found in _TOKEN.finditer(source):
        command, character = found["command"], found["character"]
        if character == "\\":
            raise Unset("a backslash at the end")
        if command is not None:
            yield Token(" " if command.isspace() else command, True, found.start(), found.end())
        elif character is not None:
            yield Token(character, False, found.start(), found.end())


class Reader:
    """A cursor over the tokens of a formula, which also reads arguments as they are written."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._tokens = list(tokens(source))
        self._place = 0

    def peek(self) -> Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else END

    def next(self) -> Token:
        token = self.peek()
        if token is END:
            raise Unset("the formula ends too early")
        self._place += 1
        return token

    def accept(self, *characters: str) -> bool:
        """Read the next token if it is one of these characters."""
        if self.peek() is END or not self.peek().is_character(*characters):
            return False
        self._place += 1
        return True

    def accept_command(self, *names: str) -> bool:
        """Read the next token if it is one of these commands."""
        if self.peek() is END or not self.peek().is_command(*names):
            return False
        self._place += 1
        return True

    def expect(self, character: str) -> None:
        if not self.accept(character):
            raise Unset(f"{character} is missing")

    def written(self) -> str:
        """The next argument as it is written: a group without its braces, or one token."""
        first = self.next()
        if first.is_character("}", "^", "_", "&"):
            raise Unset("an argument is missing")
        if not first.is_character("{"):
            return self.source[first.start : first.end]
        depth, last = 1, first
        while depth:
            last = self.next()
            depth += last.is_character("{") - last.is_character("}")
        return self.source[first.end : last.start]

    def bracketed(self) -> str | None:
        """The optional argument in brackets as it is written, if there is one."""
        opening = self.peek()
        if not self.accept("["):
            return None
        depth = 0
        while True:
            token = self.next()
            if token.is_character("]") and depth == 0:
                return self.source[opening.end : token.start]
            depth += token.is_character("{") - token.is_character("}")
            if depth < 0:
                raise Unset("a bracket is not closed")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Read what the pattern finds at the next token, to the end of a token."""
        found = pattern.match(self.source, self.peek().start) if self.peek() is not END else None
        if found is None:
            raise Unset("an argument is missing")
        while self.peek() is not END and self.peek().start < found.end():
            self._place += 1
        return found

    def place(self) -> int:
        return self._place

    def back(self, place: int) -> None:
        self._place = place

"""What commands ask of the parser that reads them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from documents.render.tex.atoms import Atom
from documents.render.tex.tokens import Reader


class Parser(Protocol):
    """The parser of a formula, at the place behind a command."""

    reader: Reader

    def argument(self) -> list[Atom]:
        """The next argument: a group, or one token."""
        ...

    def atoms(self) -> list[Atom]:
        """The atoms until the end of the group, cell or formula."""
        ...

    def atoms_of(self, source: str) -> list[Atom]:
        """The atoms of another formula within this one."""
        ...

    def inner(self, source: str) -> str:
        """The code of another formula within this one."""
        ...

    def lines(self, source: str) -> str:
        """The code of rows without columns."""
        ...

    def delimiter(self) -> str:
        r"""The delimiter after `\left` and its like, empty for a dot."""
        ...

    def deeper(self) -> AbstractContextManager[None]:
        """Count one level of nesting. Raises Unset if it is one too many."""
        ...

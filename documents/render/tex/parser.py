"""The parser: a formula of TeX into rows of atoms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from documents.render.tex import chemistry
from documents.render.tex.atoms import EMPTY, Atom, Kind, Limits, call, group, joined, letters, width, wrapped
from documents.render.tex.commands import commands, switches
from documents.render.tex.delimiters import delimiter
from documents.render.tex.environments import (
    ALIGNED,
    CENTRED,
    DISPLAYED,
    ROW_ENDS,
    Row,
    aligned,
    inner_rows,
    rows,
    skip_arguments,
    without_end,
)
from documents.render.tex.errors import Unset
from documents.render.tex.pieces import pieces
from documents.render.tex.symbols import table, typed
from documents.render.tex.tokens import END, Reader
from documents.render.tex.units import colour

DEEPEST = 14
"""Groups and arguments within each other; Typst's layout of formulas ends a little later."""

_ENDS = {*ROW_ENDS, "end", "right", "middle", "hline", "hdashline", "tag", "label", "notag", "nonumber"}
_LIMITS = {"limits": Limits.ALWAYS, "nolimits": Limits.SIDE, "displaylimits": Limits.DISPLAY}
_INFIX = {"over": "frac", "choose": "binom", "atop": "atop", "brace": "braces", "brack": "brackets"}


@dataclass(frozen=True, slots=True)
class Converted:
    """A formula as expressions of Typst: its rows in the line, and their pieces between which they may break.

    `width` is roughly in letters, more rather than less.
    """

    body: str
    pieces: tuple[tuple[str, ...], ...]
    tag: str
    width: float


def converted(source: str) -> Converted:
    """The formula. Raises Unset if it has anything that is not known."""
    return Parser(source).formula()


class Parser:
    """A parser of one formula, or of a part of one that is `depth` deep in it."""

    def __init__(self, source: str, depth: int = 0) -> None:
        self.reader = Reader(source)
        self._depth = depth

    def formula(self) -> Converted:
        """The whole formula, with its tag."""
        found, name = self._displayed()
        if not any(row.atoms for row in found):
            raise Unset("nothing in it")
        lone = found[0] if len(found) == 1 and len(found[0].cells) == 1 else None
        if lone is not None:
            return Converted(joined(lone.atoms), (pieces(lone.atoms),), lone.tag, width(lone.atoms) + 2 * len(lone.tag))
        body = call("lines", *aligned(found, name))
        return Converted(body, tuple(_row_pieces(row) for row in found), "", max(map(_width, found)))

    def inner(self, source: str) -> str:
        """The code of another formula within this one."""
        return joined(self.atoms_of(source))

    def atoms_of(self, source: str) -> list[Atom]:
        return Parser(source, self._deeper()).whole()

    def lines(self, source: str) -> str:
        """The code of rows without columns."""
        parser = Parser(source, self._deeper())
        found = without_end(rows(parser, lambda: parser.reader.peek() is END))
        if any(len(row.cells) > 1 or row.tag or row.rules for row in found):
            raise Unset("columns in rows that have none")
        return call("lines", *(joined(row.atoms) for row in found))

    def whole(self) -> list[Atom]:
        atoms = self.atoms()
        if self.reader.peek() is not END:
            raise Unset("an end of something that was not begun")
        return atoms

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self._depth = self._deeper()
        yield
        self._depth -= 1

    def atoms(self, denominator: bool = False) -> list[Atom]:
        """The atoms until the end of the group, cell or formula."""
        done: list[Atom] = []
        while not self._at_end():
            if self.reader.peek().is_character("^", "_", "'"):
                done.append(self._scripts(done.pop() if done and done[-1].kind is not Kind.SPACE else EMPTY))
            elif self.reader.peek().is_command(*_LIMITS):
                done.append(self._limited(done.pop() if done else EMPTY))
            elif self.reader.peek().is_command(*_INFIX):
                if denominator:
                    raise Unset("two fractions in one group")
                return [self._infix(self.reader.next().name, done)]
            elif self.reader.accept_command("ce"):
                done += self.atoms_of(chemistry.formula(self.reader.written()))
            elif self.reader.peek().is_command("color", *switches()):
                with self.deeper():
                    return done + wrapped(self._switch(), self.atoms(denominator))
            else:
                done.append(self._atom())
        return done

    def argument(self) -> list[Atom]:
        """The next argument: a group, or one token."""
        if self._at_end() or self.reader.peek().is_character("^", "_", "'"):
            raise Unset("an argument is missing")
        if not self.reader.peek().is_character("{"):
            with self.deeper():
                return [self._atom()]
        return self._group()

    def delimiter(self) -> str:
        r"""The delimiter after `\left` and its like, empty for a dot."""
        known = delimiter(self.reader.next())
        if known is None:
            raise Unset("a delimiter is missing")
        return known

    def _deeper(self) -> int:
        if self._depth >= DEEPEST:
            raise Unset("too deep")
        return self._depth + 1

    def _displayed(self) -> tuple[list[Row], str]:
        """The rows of the formula: those of an environment, if that is the whole formula."""
        place = self.reader.place()
        if self.reader.accept_command("begin"):
            name = self.reader.written()
            if name in DISPLAYED | ALIGNED | CENTRED and (found := self._environment(name)) is not None:
                return found
            self.reader.back(place)
        found_rows = without_end(rows(self, lambda: self.reader.peek() is END))
        return found_rows, "align"

    def _environment(self, name: str) -> tuple[list[Row], str] | None:
        if name in DISPLAYED:
            return self._wrapped_display(name)
        skip_arguments(self, name)
        found = without_end(inner_rows(self, name))
        if self.reader.peek() is not END:
            return None
        _refuse_columns(found, name)
        return found, name

    def _wrapped_display(self, name: str) -> tuple[list[Row], str]:
        ending = f"\\end{{{name}}}"
        rest = self.reader.source[self.reader.peek().start :].strip()
        if not rest.endswith(ending):
            raise Unset("an environment is not closed")
        return Parser(rest.removesuffix(ending), self._deeper())._displayed()

    def _at_end(self) -> bool:
        token = self.reader.peek()
        return token is END or token.is_character("}", "&") or token.is_command(*_ENDS)

    def _atom(self) -> Atom:
        if self.reader.peek().is_character("{"):
            return group(self._group())
        token = self.reader.next()
        if not token.command:
            return Atom("h(0.25em)", Kind.SPACE, width=0.25) if token.name == "~" else typed(token.name)
        if token.name in commands():
            return commands()[token.name](self)
        known = table().get(token.name)
        if known is None:
            raise Unset(f"\\{token.name} is not known")
        return known

    def _group(self) -> list[Atom]:
        self.reader.expect("{")
        with self.deeper():
            atoms = self.atoms()
        self.reader.expect("}")
        return atoms

    def _switch(self) -> str:
        token = self.reader.next()
        return f"inked({colour(self.reader.written())},*)" if token.name == "color" else switches()[token.name]

    def _infix(self, name: str, over: list[Atom]) -> Atom:
        with self.deeper():
            under = self.atoms(denominator=True)
        return Atom(call(_INFIX[name], joined(over), joined(under)), width=max(width(over), width(under)) + 1)

    def _scripts(self, base: Atom) -> Atom:
        scripts: dict[str, list[Atom]] = {}
        primes = 0
        while self.reader.peek().is_character("^", "_", "'"):
            mark = self.reader.next().name
            if mark == "'":
                if "^" in scripts:
                    raise Unset("a prime after a superscript")
                primes += 1
            elif mark in scripts:
                raise Unset("two scripts at one place")
            else:
                scripts[mark] = self.argument()
        above = [letters("\N{PRIME}" * primes)] * (primes > 0) + scripts.get("^", [])
        return _scripted(base, above, scripts.get("_", []))

    def _limited(self, base: Atom) -> Atom:
        if base.kind not in {Kind.OPERATOR, Kind.INTEGRAL, Kind.RELATION} and base.limits is Limits.SIDE:
            raise Unset("limits of something that is no operator")
        return replace(base, limits=_LIMITS[self.reader.next().name])


def _scripted(base: Atom, above: Sequence[Atom], below: Sequence[Atom]) -> Atom:
    limits = base.limits
    corners = limits is Limits.SIDE
    places = [("tr" if corners else "t", above), ("br" if corners else "b", below)]
    parts = [f"{place}: {joined(atoms)}" for place, atoms in places if atoms]
    inner = {Limits.SIDE: "*", Limits.DISPLAY: "limits(*, inline: false)", Limits.ALWAYS: "limits(*)"}[limits]
    code = call("attach", inner.replace("*", base.code), *parts)
    size = base.width + 0.7 * max(width(above), width(below))
    return replace(base, code=code, letters="", limits=Limits.SIDE, width=size)


def _width(row: Row) -> float:
    return width(row.atoms) + 2 * len(row.cells) + 2 * len(row.tag)


def _row_pieces(row: Row) -> tuple[str, ...]:
    found = pieces(row.atoms)
    return (*found, call("seq", "h(2em)", row.tag)) if row.tag else found


def _refuse_columns(found: Sequence[Row], name: str) -> None:
    if name in CENTRED and any(len(row.cells) > 1 for row in found):
        raise Unset("columns in rows that have none")
    if any(row.rules for row in found):
        raise Unset("a line between aligned rows")

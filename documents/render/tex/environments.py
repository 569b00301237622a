"""Environments: matrices, cases, and rows that are aligned with each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from documents.render.tex.atoms import Atom, Kind, call, joined, width
from documents.render.tex.errors import Unset
from documents.render.tex.grammar import Parser
from documents.render.tex.text import text
from documents.render.tex.units import ems

ROW_ENDS = ("\\", "cr", "newline")
FENCES = {"": ("", ""), "p": ("(", ")"), "b": ("[", "]"), "B": ("{", "}"), "v": ("|", "|"), "V": ("‖", "‖")}
DISPLAYED = {"equation", "equation*", "displaymath", "math"}
"""Environments of one formula."""

ALIGNED = {
    *("align", "align*", "aligned", "split", "eqnarray", "eqnarray*", "flalign", "flalign*"),
    *("alignat", "alignat*", "alignedat", "xalignat", "xalignat*", "xxalignat"),
}
CENTRED = {"gather", "gather*", "gathered", "multline", "multline*", "multlined"}
NUMBERED = {"alignat", "alignat*", "alignedat", "xalignat", "xalignat*", "xxalignat"}
"""Environments with the number of their columns as an argument, which decides nothing here."""

CLOSE = {"alignat", "alignat*", "alignedat"}
"""Environments without space between their pairs of columns."""


@dataclass(slots=True)
class Row:
    """A row of cells. `tag` is the expression of its number, `rules` the kinds of lines above it."""

    cells: list[list[Atom]] = field(default_factory=lambda: [[]])
    tag: str = ""
    rules: list[str] = field(default_factory=list)

    @property
    def atoms(self) -> list[Atom]:
        return [atom for cell in self.cells for atom in cell]

    @property
    def blank(self) -> bool:
        return not self.atoms and not self.tag and len(self.cells) == 1


def rows(parser: Parser, ends: Callable[[], bool]) -> list[Row]:
    """The rows until `ends`. An empty row at the end keeps only the lines above it."""
    found = [Row()]
    while not ends():
        row = found[-1]
        row.cells[-1] += parser.atoms()
        if parser.reader.accept("&"):
            row.cells.append([])
        elif parser.reader.accept_command(*ROW_ENDS):
            _skip_distance(parser)
            found.append(Row())
        elif parser.reader.accept_command("hline", "hdashline"):
            if not row.blank:
                raise Unset("a line within a row")
            row.rules.append("hline")
        elif not _noted(parser, row) and not ends():
            raise Unset("something in a row that is not known")
    return found


def aligned(found: Sequence[Row], name: str) -> list[str]:
    """The rows, with Typst's points of alignment between their cells."""
    gap = "seq()" if name in CLOSE else "h(2em)"
    separators = ["ap", "ap, ap"] if name.startswith("eqnarray") else ["ap", f"{gap}, ap"]
    return [_line(row, separators) for row in found]


def environment(parser: Parser) -> Atom:
    r"""The environment after its `\begin`, as one atom of a formula."""
    name = parser.reader.written()
    make = _make(name)
    argument = _argument(parser, name)
    found = inner_rows(parser, name)
    if any(row.tag for row in found):
        raise Unset("a tag within a formula")
    return Atom(make(found, argument), Kind.ORDINARY, width=max((_width(row) for row in found), default=0))


def inner_rows(parser: Parser, name: str) -> list[Row]:
    with parser.deeper():
        found = rows(parser, lambda: parser.reader.peek().is_command("end"))
    parser.reader.next()
    if parser.reader.written() != name:
        raise Unset("an environment is not closed")
    return found


def without_end(found: list[Row]) -> list[Row]:
    return found[:-1] if len(found) > 1 and found[-1].blank and not found[-1].rules else found


def skip_arguments(parser: Parser, name: str) -> None:
    """Read the arguments of an aligned environment, which decide nothing here: a position, a number of columns."""
    if name in {"aligned", "gathered", "alignedat", "multlined"}:
        parser.reader.bracketed()
    if name in NUMBERED and not re.fullmatch(r"\s*[0-9]+\s*", parser.reader.written()):
        raise Unset("a number of columns is missing")


def _make(name: str) -> Callable[[list[Row], str], str]:
    if matrix := re.fullmatch(r"([pbBvV]?)(small)?matrix(\*?)", name):
        return lambda found, columns: _matrix(found, matrix[1], matrix[2] is not None, columns)
    if name in {"array", "darray"}:
        return lambda found, columns: _array(found, columns, name == "darray")
    if cases := re.fullmatch(r"(d?)(r?)cases\*?", name):
        return lambda found, _: _cases(found, cases[1] == "d", cases[2] == "r", name.endswith("*"))
    if name in ALIGNED:
        return lambda found, _: _block(found, aligned(without_end(found), name))
    if name in CENTRED or name == "subarray":
        return lambda found, _: _stack(found, name == "subarray")
    raise Unset(f"the environment {name} is not known")


def _argument(parser: Parser, name: str) -> str:
    if name in {"array", "darray"}:
        parser.reader.bracketed()
        return parser.reader.written()
    if re.fullmatch(r"[pbBvV]?(small)?matrix\*", name):
        return parser.reader.bracketed() or "c"
    if name == "subarray":
        return parser.reader.written()
    skip_arguments(parser, name)
    return ""


def _matrix(found: list[Row], fence: str, small: bool, columns: str) -> str:
    found = without_end(found)
    if any(row.rules for row in found):
        return call("fenced", *map(_quoted, FENCES[fence]), _array(found, "c" * _columns(found), False))
    if columns not in {"", "l", "c", "r"}:
        raise Unset("columns that are not known")
    side = columns or "c"
    cells = ", ".join(_cells([joined(cell) for cell in row.cells]) for row in found)
    matrix = f'matrix({", ".join(map(_quoted, FENCES[fence]))}, "{side}", {cells})'
    return call("sized", "0.7", matrix) if small else matrix


def _array(found: list[Row], columns: str, display: bool) -> str:
    lines = _bars(columns)
    sides = [column for column in columns if column in "lcr"]
    below = found[-1].rules if found[-1].blank else []
    found = found[:-1] if len(found) > 1 and found[-1].blank else found
    if any(len(row.cells) > len(sides) for row in found):
        raise Unset("more columns than are named")
    rules = [place for place, row in enumerate(found) if row.rules] + ([len(found)] if below else [])
    cells = ", ".join(_cells([_styled(cell, display) for cell in row.cells], len(sides)) for row in found)
    return f'array("{"".join(sides)}", {_numbers(lines)}, {_numbers(rules)}, {cells})'


def _bars(columns: str) -> list[int]:
    if not re.fullmatch(r"[lcr| ]*[lcr][lcr| ]*", columns) or "||" in columns.replace(" ", ""):
        raise Unset("columns that are not known")
    places, seen = [], 0
    for column in columns:
        if column == "|":
            places.append(seen)
        seen += column in "lcr"
    return places


def _cases(found: list[Row], display: bool, reverse: bool, texts: bool) -> str:
    found = without_end(found)
    if texts or any(row.rules or len(row.cells) > 2 for row in found):
        raise Unset("cases of more than two columns")
    lines = [call("seq", ", ap, h(1em), ".join(_styled(cell, display) for cell in row.cells)) for row in found]
    return call("branches", "true" if reverse else "false", *lines)


def _block(found: list[Row], lines: Iterable[str]) -> str:
    if any(row.rules for row in found):
        raise Unset("a line between aligned rows")
    return call("aligned", *lines)


def _stack(found: list[Row], small: bool) -> str:
    found = without_end(found)
    if any(row.rules or len(row.cells) > 1 for row in found):
        raise Unset("columns in rows that have none")
    return call("lines" if small else "aligned", *(joined(row.atoms) for row in found))


def _line(row: Row, separators: Sequence[str]) -> str:
    parts = [joined(row.cells[0])]
    for place, cell in enumerate(row.cells[1:]):
        parts += [separators[place % 2], joined(cell)]
    return call("seq", *parts, *(["h(2em)", row.tag] if row.tag else []))


def _styled(cell: Sequence[Atom], display: bool) -> str:
    return call("display", joined(cell)) if display else joined(cell)


def _cells(codes: list[str], count: int = 0) -> str:
    return f"({', '.join([*codes, *['nil'] * (count - len(codes))])},)"


def _columns(found: Sequence[Row]) -> int:
    return max(len(row.cells) for row in found)


def _numbers(places: Iterable[int]) -> str:
    return f"({''.join(f'{place},' for place in places)})"


def _quoted(delimiter: str) -> str:
    return f'"{delimiter}"'


def _width(row: Row) -> float:
    return width(row.atoms) + 2 * len(row.cells)


def _skip_distance(parser: Parser) -> None:
    r"""Read the star and the distance after `\\`, which changes only where the next row stands."""
    parser.reader.accept("*")
    if parser.reader.peek().is_character("["):
        place = parser.reader.place()
        try:
            ems(parser.reader.bracketed() or "")
        except Unset:
            parser.reader.back(place)


def _noted(parser: Parser, row: Row) -> bool:
    """Read the number of a row, or what only concerns numbers."""
    if parser.reader.accept_command("notag", "nonumber"):
        return True
    if parser.reader.accept_command("label"):
        parser.reader.written()
        return True
    if not parser.reader.accept_command("tag"):
        return False
    if row.tag:
        raise Unset("two tags")
    bare = parser.reader.accept("*")
    tag = text(parser.reader.written(), parser.inner)
    row.tag = tag if bare else call("seq", 'txt("(")', tag, 'txt(")")')
    return True

"""Single-point mutants of a source file: one operator, constant, statement or argument changed in its text."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

COMPARISONS = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
CONNECTIVES = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
ARITHMETIC = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "*"),
}
LEFT_OUT = frozenset({"assert_never", "TypeVar", "ConfigDict", "NewType"})
"""Calls that say something to the type checker, or to pydantic, and decide nothing."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one place, as byte offsets. `function` is where it stands; empty outside of functions.

    `number` counts the same changes in a function.
    """

    path: str
    function: str
    first_line: int
    line: int
    start: int
    end: int
    before: str
    after: str
    number: int = 1

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]

    @property
    def name(self) -> str:
        """The mutant without line numbers, which change with every edit above it."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.path} | {self.function or '-'} | {before} -> {after or 'nothing'}{again}"


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Every mutant of a file, in the order of its text."""
    found = _Finder(path, (root / path).read_bytes())
    found.visit(ast.parse(found.source))
    met: Counter[str] = Counter()
    numbered: list[Mutant] = []
    for mutant in sorted(found.mutants, key=lambda mutant: (mutant.start, mutant.end, mutant.after)):
        met[mutant.name] += 1
        numbered.append(replace(mutant, number=met[mutant.name]))
    return numbered


class _Finder(ast.NodeVisitor):
    """Collects the mutants. Annotations, docstrings, decorators and the names of messages are left alone."""

    def __init__(self, path: str, source: bytes) -> None:
        self.source = source
        self.mutants: list[Mutant] = []
        self._path = path
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._within: list[tuple[str, int]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        self._within.append((node.name, first))
        for default in [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]:
            self.visit(default)
        self._body(node.body)
        self._within.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that `ast` looks for

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._body(node.body)

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self._change(node.test, f"not ({self._text(node.test)})")
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._change(node.test, f"(not ({self._text(node.test)}))")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or self._is_left_out(node.value):
            return
        if not isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
            self._change(node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._change(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._change(node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._change(node, "break")

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, node.comparators, strict=False):
            self._swap(left, right, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._swap(left, right, *CONNECTIVES[type(node.op)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            self._swap(node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._change(node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if self._is_left_out(node):
            return
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._drop(node, keyword)
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave the words alone; before Python 3.12 the places inside of them are not known either."""

    def visit_Constant(self, node: ast.Constant) -> None:
        match node.value:
            case bool(value):
                self._change(node, str(not value))
            case int(value):
                self._change(node, str(value + 1))
            case float(value):
                self._change(node, str(value + 1))
            case str(value) if value and "\n" not in value:
                self._change(node, repr(f"{value}~"))

    def _body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def _is_left_out(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and self._text(node.func).rpartition(".")[2] in LEFT_OUT

    def _drop(self, call: ast.Call, keyword: ast.keyword) -> None:
        """Leave out an argument with the comma before or after it."""
        start, end = self._span(keyword)
        after = re.match(rb"\s*,\s*", self.source[end:])
        before = re.search(rb",\s*$", self.source[:start])
        if after is not None:
            self._add(start, end + after.end(), "")
        elif before is not None and before.start() > self._span(call.func)[1]:
            self._add(before.start(), end, "")
        else:
            self._add(start, end, "")

    def _swap(self, left: ast.expr, right: ast.expr, operator: str, other: str) -> None:
        start, end = self._span(left)[1], self._span(right)[0]
        word = operator.isalpha() or r"\s" in operator
        found = re.search((rf"\b{operator}\b" if word else operator).encode(), self.source[start:end])
        if found is not None:
            self._add(start + found.start(), start + found.end(), other)

    def _change(self, node: ast.AST, after: str) -> None:
        self._add(*self._span(node), after)

    def _add(self, start: int, end: int, after: str) -> None:
        function, first = self._within[-1] if self._within else ("", 0)
        before = self.source[start:end].decode()
        line = self.source.count(b"\n", 0, start) + 1
        self.mutants.append(Mutant(self._path, function, first, line, start, end, before, after))

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        place = vars(node)
        start = self._lines[place["lineno"] - 1] + place["col_offset"]
        return start, self._lines[place["end_lineno"] - 1] + place["end_col_offset"]


def files(root: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """The source files of rooms, or files themselves, relative to the root."""
    for room in rooms:
        if room.endswith(".py"):
            yield room
        yield from (path.relative_to(root).as_posix() for path in sorted((root / room).rglob("*.py")))

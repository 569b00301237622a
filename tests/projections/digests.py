"""Digests of every read model: of its DDL, and of the program text of the module that its projection stands in.

A changed digest asks whether rows change. If they do, the read model's version is raised, and it is built anew from the
journal; if none does, the line is renewed by `python -m tests.projections.digests`.
"""

from __future__ import annotations

import ast
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NamedTuple

import projections
from streams.core.read_models import ReadModel

FILE = Path(__file__).with_name("digests.txt")
COMMAND = "python -m tests.projections.digests"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Digest(NamedTuple):
    """One line of the file: what `version` of a read model is made of."""

    name: str
    version: int
    ddl: str
    module: str


def digest_of(model: ReadModel) -> Digest:
    """The read model as the tree has it now."""
    file = sys.modules[model.project.__module__].__file__
    assert file is not None
    return Digest(model.name, model.version, short(model.ddl), short(program(Path(file).read_text(encoding="utf-8"))))


def short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def program(source: str) -> str:
    """The syntax tree of a module without docstrings and positions, so that prose and layout do not count."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            node.body = [statement for statement in node.body if not is_text(statement)]
    return shape(tree)


def is_text(statement: ast.stmt) -> bool:
    """Whether this is a docstring, of a module, class or function or of the name above it."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def shape(node: object) -> str:
    """The node as text. Empty fields are left out, as each version of Python has others (`type_params`, say)."""
    if isinstance(node, list):
        return f"[{', '.join(map(shape, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{name}={shape(value)}" for name, value in ast.iter_fields(node) if value not in (None, []))
    return f"{type(node).__name__}({', '.join(fields)})"


def every_model() -> list[ReadModel]:
    """The read models of every context: of every package below `projections`."""
    packages = [found.name for found in iter_modules(projections.__path__) if found.ispkg]
    return [model for package in packages for model in import_module(f"projections.{package}").READ_MODELS]


def current() -> list[Digest]:
    """The digests of every read model of every context, by name."""
    return sorted(digest_of(model) for model in every_model())


def committed() -> dict[str, Digest]:
    """The lines of the file, by the read model's name."""
    lines = (line.split() for line in FILE.read_text(encoding="utf-8").splitlines())
    return {name: Digest(name, int(version), ddl, module) for name, version, ddl, module in lines}


def complaint(now: Digest, before: Digest | None) -> str | None:
    """What is to be done about a read model, as a sentence; None if it is as it was."""
    if now == before:
        return None
    if before is None:
        return f"{now.name} is new: add its line: {COMMAND}"
    if now.version != before.version:
        return f"{now.name} has version {now.version} and its line says {before.version}: renew the line: {COMMAND}"
    changed = "DDL" if now.ddl != before.ddl else "module"
    return (
        f"the {changed} of {now.name} changed, its version did not: raise the version, or renew the line"
        f" if no row changes: {COMMAND}"
    )


def main() -> None:
    """Write the file anew."""
    FILE.write_text("".join(f"{' '.join(map(str, digest))}\n" for digest in current()), encoding="utf-8")


if __name__ == "__main__":
    main()

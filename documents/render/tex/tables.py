"""The tables of commands: data files of pairs of a command and a value, in sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files


@cache
def section(name: str, file: str = "commands.txt") -> Mapping[str, str]:
    """The pairs of one section."""
    return dict(pair for title, pair in _pairs(file) if title == name)


@cache
def sections(file: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(title for title, _ in _pairs(file)))


def _pairs(file: str) -> Iterator[tuple[str, tuple[str, str]]]:
    title = ""
    for line in files("documents.render.tex").joinpath(file).read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            title = line[1:-1]
        elif title and line:
            parts = line.split()
            yield from ((title, pair) for pair in zip(parts[::2], parts[1::2], strict=True))

r"""Text within formulas: the argument of `\text` and its relatives, with formulas within it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from documents.render.literals import literal
from documents.render.tex.errors import Unset
from documents.render.tex.tables import section


def _shown(value: str) -> str:
    """What a value of the table stands for: nothing for a dot, code points where they cannot be seen."""
    if re.fullmatch(r"U[0-9a-f]{4}(\+U[0-9a-f]{4})*", value):
        return "".join(chr(int(code[1:], 16)) for code in value.split("+"))
    return value if value != "." else ""


STYLES = {name: function.strip(".") for name, function in section("text styles").items()}
"""Commands of text, and the function of formulas.typ for their look."""

SYMBOLS = {name: _shown(value) for name, value in section("text symbols").items()} | {" ": " "}
"""Commands of text without an argument, and what they stand for."""

ACCENTS = {name: chr(int(code, 16)) for name, code in section("text accents").items()}
_LIGATURES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("~", "\u00a0"))
_PART = re.compile(r"\\(?P<command>[a-zA-Z]+|[^a-zA-Z])(?P<space>\s*)|(?P<mark>[{}$])|(?P<plain>[^\\{}$]+)", re.DOTALL)


def text(source: str, mathematics: Callable[[str], str], deepest: int = 8) -> str:
    """The text as one expression. `mathematics` converts a formula in dollars."""
    parts = list(_Text(source, mathematics, deepest).parts())
    return parts[0] if len(parts) == 1 else f"seq({', '.join(parts)})" if parts else "nil"


def plain(source: str) -> str:
    """The text as characters. Raises Unset if it is more than that."""
    expression = text(source, _no_mathematics)
    found = re.fullmatch(r'txt\("((?:[^"\\]|\\["\\])*)"\)', expression)
    if found is None:
        raise Unset("more than text")
    return re.sub(r"\\(.)", r"\1", found[1])


def _no_mathematics(_source: str) -> str:
    raise Unset("more than text")


class _Text:
    def __init__(self, source: str, mathematics: Callable[[str], str], deepest: int) -> None:
        if deepest == 0:
            raise Unset("text within text, too deep")
        self._source = source
        self._place = 0
        self._mathematics = mathematics
        self._deepest = deepest
        self._buffer = ""

    def parts(self) -> Iterator[str]:
        while self._place < len(self._source):
            expression = self._next()
            if expression:
                yield from self._flush()
                yield expression
        yield from self._flush()

    def _flush(self) -> Iterator[str]:
        if self._buffer:
            yield f"txt({literal(self._buffer)})"
            self._buffer = ""

    def _next(self) -> str:
        """Read one part: into the buffer if it is characters, else as an expression."""
        found = _PART.match(self._source, self._place)
        if found is None:
            raise Unset("a backslash at the end of a text")
        self._place = found.end()
        if found["plain"] is not None:
            self._buffer += _printed(found["plain"])
        elif found["mark"] == "$":
            return self._formula()
        elif found["mark"] == "{":
            self._place -= 1
            return self._inner(self._argument())
        elif found["mark"] == "}":
            raise Unset("a brace that was not opened")
        else:
            return self._command(found["command"], found["space"])
        return ""

    def _formula(self) -> str:
        end = self._source.find("$", self._place)
        if end < 0:
            raise Unset("a dollar that is not closed")
        formula = self._source[self._place : end]
        self._place = end + 1
        return self._mathematics(formula)

    def _command(self, name: str, space: str) -> str:
        if name in SYMBOLS:
            if not name.isalpha():
                self._buffer += SYMBOLS[name] + (" " if space else "")
            else:
                self._buffer += SYMBOLS[name]
        elif name in ACCENTS:
            self._buffer += self._accented(ACCENTS[name])
        elif name in STYLES:
            inner = self._inner(self._argument())
            return f"{STYLES[name]}({inner})" if STYLES[name] else inner
        else:
            raise Unset(f"\\{name} is not known in text")
        return ""

    def _accented(self, accent: str) -> str:
        base = self._argument().replace("\\i", "i").replace("\\j", "j").strip()
        letter = unicodedata.normalize("NFC", base + accent)
        if len(base) != 1 or len(letter) != 1:
            raise Unset("an accent over more than a letter")
        return letter

    def _inner(self, source: str) -> str:
        return text(source, self._mathematics, self._deepest - 1)

    def _argument(self) -> str:
        while self._source[self._place : self._place + 1].isspace():
            self._place += 1
        if self._source[self._place : self._place + 1] != "{":
            found = re.compile(r"\\[a-zA-Z]+|[^\\{}$]").match(self._source, self._place)
            if found is None:
                raise Unset("an argument is missing")
            self._place = found.end()
            return found.group()
        start, depth = self._place + 1, 0
        for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(self._source, self._place):
            depth += (found.group() == "{") - (found.group() == "}")
            if depth == 0:
                self._place = found.end()
                return self._source[start : found.start()]
        raise Unset("a brace is not closed")


def _printed(source: str) -> str:
    for written, printed in _LIGATURES:
        source = source.replace(written, printed)
    if "%" in source:
        raise Unset("a comment")
    return re.sub(r"[ \t\r\n]+", " ", source).replace("'", "’")

"""The tolerant reader of JSON that a language model wrote: one object in a text, with formulas inside its strings.

JSON and LaTeX share the backslash. A model that writes `\\frac` with one backslash means the command, not a form feed:
what can be meant decides. Sentences and fences around the object, and commas before a closing bracket, are passed
over: an answer is not paid for again because of its spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""The control characters that no text needs: all but tab, line feed and carriage return."""

MOST_PLACES = 20
"""The most opening braces at which the object is looked for."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^"{}\[\],]+', re.DOTALL)
_CLOSES = re.compile(r"\s*[}\]]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[A-Za-z]+|.)", re.DOTALL)
_CODE = re.compile(r"u[0-9a-fA-F]{4}")
_DOLLARS = re.compile(r"\$\$?")
_DOUBLED = re.compile(r"\\\\[A-Za-z]{2,}")

_COMMANDS = frozenset(
    re.findall(
        r"\w+",
        """nabla natural ncong ne nearrow neg negthinspace neq newcommand newline nexists ngeq ngtr ni nleftarrow nleq
        nless nmid nobreakspace nolimits nonumber normalsize not notin nparallel nprec nrightarrow nsim nsubseteq nsucc
        nsupseteq nu nwarrow nLeftarrow nRightarrow tag tan tanh tau tbinom text textbf textcolor textit textnormal
        textrm textsc textsf textstyle textsuperscript texttt textup tfrac therefore theta thickapprox thicksim
        thinspace tilde times to top triangle triangledown triangleleft triangleq triangleright twoheadrightarrow""",
    )
)
"""The commands that begin with `n` or `t`, which with one backslash may also be a line feed or a tab and a word."""

_SHORT = 5
"""The fewest letters by which a command is recognised outside of a formula, where a line may begin with any word."""

_WORDS_TOO = frozenset({"ne", "neg", "ni", "not", "nu"})
"""Commands that may be a line feed and a symbol, where a writer doubles the backslashes of formulas."""


class Unreadable(ValueError):
    """The text holds no such object; the message says why."""


def object_with(field: str, text: str) -> dict[str, object]:
    """The first JSON object in the text that has this field, its strings trimmed. Raises Unreadable."""
    faults: list[str] = []
    for start in _places(text):
        try:
            found = _object_at(text, start)
        except Unreadable as unreadable:
            faults.append(str(unreadable))
            continue
        if field in found:
            return found
    raise Unreadable(faults[0] if faults else f"there is no JSON object with {field} in it")


def _places(text: str) -> Iterator[int]:
    """The opening braces, first those that begin a line: a sentence before the object may hold some, too."""
    starts = [match.start() for match in re.finditer(r"\{", text)]
    first = [start for start in starts if not text[text.rfind("\n", 0, start) + 1 : start].strip()]
    yield from first[:1]
    yield from [start for start in starts[:MOST_PLACES] if start not in first[:1]]


def _object_at(text: str, start: int) -> dict[str, object]:
    written = "".join(_repaired(_balanced(text, start)))
    try:
        found = json.loads(written, strict=False, object_hook=_cleaned)
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply") from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"the JSON cannot be read: {str(error).partition(': line ')[0]}") from None
    assert isinstance(found, dict)
    return found


def _balanced(text: str, start: int) -> list[str]:
    """The tokens from an opening brace to its closing one, without the commas before closing brackets."""
    parts: list[str] = []
    depth, place = 0, start
    while match := _TOKEN.match(text, place):
        part, place = match[0], match.end()
        if part != "," or not _CLOSES.match(text, place):
            parts.append(part)
        depth += (part in ("{", "[")) - (part in ("}", "]"))
        if depth == 0:
            return parts
    raise Unreadable("the JSON has no end")


def _repaired(tokens: list[str]) -> Iterator[str]:
    strings = [token for token in tokens if token.startswith('"')]
    doubles = any(_DOUBLED.search(string) for string in strings)
    single = not doubles and any(_certain(escape) for string in strings for escape in _ESCAPE.findall(string))
    for token in tokens:
        yield _Escapes(token, doubles=doubles, single=single).repaired() if token.startswith('"') else token


def _certain(escape: str) -> bool:
    r"""Whether a backslash can only begin a command: JSON has no such escape, or \b, \f, \r before letters."""
    name = escape[1:]
    if name[0] in "bfr":
        return len(name) > 1
    return name[0] not in 'nt"\\/' and not _CODE.fullmatch(name)


class _Escapes:
    """The escapes of one string. `doubles`: the writer doubles backslashes; `single`: it never does."""

    def __init__(self, string: str, *, doubles: bool, single: bool) -> None:
        self._string = string
        self._doubles = doubles
        self._single = single
        self._in_formula = False

    def repaired(self) -> str:
        parts: list[str] = []
        place = 0
        for match in _ESCAPE.finditer(self._string):
            before = self._string[place : match.start()]
            self._in_formula ^= len(_DOLLARS.findall(before)) % 2 == 1
            following = self._string[match.end() : match.end() + 1]
            parts += [before, self._read(match[0], following)]
            place = match.end()
        return "".join(parts) + self._string[place:]

    def _read(self, escape: str, following: str) -> str:
        delimiter = following if escape == r"\\" else escape[1:]
        if delimiter in ("(", "[", ")", "]"):
            self._in_formula = delimiter in ("(", "[")
        if escape == r"\\":
            self._in_formula ^= following == "$"
            return escape * 2 if self._single and self._in_formula else escape
        return f"\\{escape}" if _certain(escape) or self._is_command(escape[1:], following) else escape

    def _is_command(self, name: str, following: str) -> bool:
        if name not in _COMMANDS:
            return False
        if self._in_formula:
            return not (self._doubles and name in _WORDS_TOO)
        return len(name) >= _SHORT or (name[0] == "t" and following == "{")


def _cleaned(fields: dict[str, object]) -> dict[str, object]:
    return {name: _trimmed(value) for name, value in fields.items()}


def _trimmed(value: object) -> object:
    if isinstance(value, list):
        return [_trimmed(item) if isinstance(item, str) else item for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """The text, trimmed and without halves of surrogate pairs. Raises Unreadable for a control character."""
    if control := CONTROL.search(text):
        raise Unreadable(control_fault(control[0]))
    return text.strip().encode(errors="ignore").decode()


def control_fault(character: str) -> str:
    """The sentence about a control character, as a model can mend it."""
    doubled = "; in JSON every backslash of a formula is written twice" if character in ("\b", "\f") else ""
    return f"the text holds the control character U+{ord(character):04X}{doubled}"

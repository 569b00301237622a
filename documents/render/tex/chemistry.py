r"""Chemical formulas: the argument of `\ce` as TeX, for what courses use of it; anything else is refused."""

from __future__ import annotations

import re

from documents.render.tex.errors import Unset

_ARROWS = {"->": r"\rightarrow", "<-": r"\leftarrow", "<->": r"\leftrightarrow", "<=>": r"\rightleftharpoons"}
_LABELLED = {"->": r"\xrightarrow", "<-": r"\xleftarrow", "<->": r"\xleftrightarrow", "<=>": r"\xrightleftharpoons"}
_BONDS = {"-": "{-}", "=": "{=}", "#": r"{\equiv}"}

_PART = re.compile(
    r"""(?P<space>\s+)
    |(?P<arrow><=>|<->|->|<-)(?:\[(?P<above>[^\[\]{}$]*)\])?(?:\[(?P<below>[^\[\]{}$]*)\])?
    |\((?P<state>aq|s|l|g)\)
    |(?P<element>[A-Z][a-z]?|e(?=\^|-))
    |\^(?:\{(?P<raised>[0-9]*[+-]?)\}|(?P<above_it>[0-9]*[+-]|[0-9]+))
    |_(?:\{(?P<lowered>-?[0-9a-z]+)\}|(?P<below_it>[0-9]+))
    |(?P<charge>[+-])(?=$|[\s\])])
    |(?P<bond>[-=#])(?=[A-Z(\[])
    |(?P<number>[0-9]+(?:[./][0-9]+)?)
    |(?P<bracket>[()\[\]])
    |(?P<dot>[*.])(?=\s?[0-9A-Z])""",
    re.VERBOSE,
)


def formula(source: str) -> str:
    """The chemical formula in TeX."""
    return _Chemistry(source.strip()).tex()


class _Chemistry:
    def __init__(self, source: str) -> None:
        self._source = source
        self._attached = False

    def tex(self) -> str:
        written: list[str] = []
        place = 0
        while place < len(self._source):
            found = self._sign(place) or self._subscript(place) or _PART.match(self._source, place)
            if found is None:
                raise Unset("chemistry that is not known")
            written.append(self._part(found))
            place = found.end()
        return " ".join(written)

    def _sign(self, place: int) -> re.Match[str] | None:
        """A plus between substances, a precipitate or a gas: signs with white space at both sides."""
        free = place == 0 or self._source[place - 1].isspace()
        return re.compile(r"(?P<sign>[+v^])(?=\s|$)").match(self._source, place) if free else None

    def _subscript(self, place: int) -> re.Match[str] | None:
        return re.compile(r"(?P<number>[0-9]+)").match(self._source, place) if self._attached else None

    def _part(self, found: re.Match[str]) -> str:
        parts = found.groupdict()
        kind = found.lastgroup or ""
        attached, self._attached = (
            self._attached,
            kind not in {"space", "sign", "arrow", "above", "below", "dot", "bond"},
        )
        text = parts[kind]
        if kind in {"arrow", "above", "below"}:
            return _arrow(parts["arrow"], parts["above"], parts["below"])
        if kind in {"raised", "above_it", "charge"}:
            return f"{'' if attached else '{}'}^{{{text}}}"
        if kind in {"lowered", "below_it"}:
            return f"{'' if attached else '{}'}_{{{text}}}"
        if kind == "number":
            return self._number(text, attached)
        return _plain(kind, text)

    def _number(self, text: str, attached: bool) -> str:
        if attached:
            return f"_{{{text}}}"
        self._attached = False
        over, _, under = text.partition("/")
        return rf"\tfrac{{{over}}}{{{under}}}\," if under else rf"{text}\,"


def _plain(kind: str, text: str) -> str:
    match kind:
        case "element":
            return rf"\mathrm{{{text}}}"
        case "state":
            return rf"\mathrm{{({text})}}"
        case "sign":
            return {"+": "+", "v": r"{\downarrow}", "^": r"{\uparrow}"}[text]
        case "bond":
            return _BONDS[text]
        case "bracket":
            return text
        case "dot":
            return r"\cdot "
        case _:
            return ""


def _arrow(sign: str, above: str | None, below: str | None) -> str:
    if above is None:
        return _ARROWS[sign]
    return rf"{_LABELLED[sign]}[{_label(below or '')}]{{{_label(above)}}}"


def _label(words: str) -> str:
    return words if re.fullmatch(r"\s*\\[a-zA-Z]+\s*", words) else rf"\text{{{words}}}" if words.strip() else ""

"""Formulas: the conversion of TeX into Typst's mathematics, where that is safe and works.

A formula is the only text of a document that Typst reads as its own language. In mathematics only `#` leads into code,
so a formula with one after conversion is refused, as is one with a quotation mark, which the converter does not escape.
A refused formula is shown as its TeX.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tex2typst import tex2typst

LONGEST = 2_000
"""Characters; the converter takes quadratic time."""

DEEPEST = 12
"""Nested commands and brackets; under roots and accents each level doubles the converter's time."""

MACROS = {
    r"\bm": r"\boldsymbol",
    r"\boxed": "{}",
    r"\stackrel": r"\overset",
    r"\textbf": r"\mathbf",
    r"\textit": r"\mathit",
    r"\textrm": r"\mathrm",
}
"""Replacements for common commands that the converter lacks; a formula is readable without its frame."""

NAMED = {
    "delim: #none": "delim: unfenced",
    "align: #left": "align: leftward",
    "align: #center": "align: centred",
    "align: #right": "align: rightward",
}
"""Names for the converter's own constant uses of code; the template defines them in the scope of every formula."""

_NEGATIVE_SPACE = re.compile(r"(?<!\\)((?:\\\\)*)\\!")
_ALIGNED = re.compile(r"\\(begin|end)\{(?:equation|gather|gathered|multline|displaymath)\*?\}")
_SMALL = re.compile(r"\\(begin|end)\{smallmatrix\}")
_NESTING = re.compile(r"(?P<left>\\left\b|\\begin\b)|(?P<right>\\right\b|\\end\b)|\\[a-zA-Z]+|\\.|[{}]|[^\s\\{}]+")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in TeX and in Typst; `math` is None if it is shown as TeX."""

    tex: str
    math: str | None


def formula(tex: str) -> Formula:
    """The formula in Typst, unless it is refused. A converted formula may still fail to compile."""
    return Formula(tex, _converted(tex) if '"' not in tex and len(tex) <= LONGEST and _depth(tex) <= DEEPEST else None)


def refused(formulas: Sequence[Formula], can_be_set: Callable[[Sequence[Formula]], bool]) -> frozenset[int]:
    """The places of formulas that cannot be set, found by halving: unknown commands fail only when compiled."""
    return frozenset(_search(formulas, range(len(formulas)), can_be_set))


def _search(
    formulas: Sequence[Formula], places: Sequence[int], can_be_set: Callable[[Sequence[Formula]], bool]
) -> list[int]:
    if not places or can_be_set([formulas[place] for place in places]):
        return []
    if len(places) == 1:
        return list(places)
    half = len(places) // 2
    return [
        *_search(formulas, places[:half], can_be_set),
        *_search(formulas, places[half:], can_be_set),
    ]


def _converted(tex: str) -> str | None:
    try:
        math: str = tex2typst(_known(tex), custom_tex_macros=MACROS)
    except ValueError:
        return None
    for code, name in NAMED.items():
        math = math.replace(code, name)
    return None if "#" in math else math


def _known(tex: str) -> str:
    aligned = _ALIGNED.sub(r"\\\1{aligned}", _NEGATIVE_SPACE.sub(r"\1 ", tex))
    return _SMALL.sub(r"\\\1{matrix}", aligned)


def _depth(tex: str) -> int:
    """The deepest possible nesting: a command holds what follows it, in braces or not."""
    outer: list[int] = []
    deepest = chain = 0
    for found in _NESTING.finditer(tex):
        part = found.group()
        if part == "{" or found["left"]:
            outer.append(max(chain, 1))
            chain = 0
        elif part == "}" or found["right"]:
            chain = 0
            del outer[-1:]
        else:
            chain = chain + 1 if part.startswith("\\") and part[1:].isalpha() else 0
        deepest = max(deepest, sum(outer) + chain)
    return deepest

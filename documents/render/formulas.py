"""Formulas: the conversion of TeX into Typst's mathematics, where all of the formula is known.

A formula with anything that is not known is shown as it is written, never as another formula (tex/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from documents.render.tex.errors import Unset
from documents.render.tex.parser import Converted, converted

LONGEST = 10_000
"""Characters of a formula that is set."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in TeX and in Typst; `math` is None if it is shown as TeX."""

    tex: str
    math: Converted | None


def formula(tex: str) -> Formula:
    """The formula in Typst, or as written if it has anything that is not known."""
    try:
        return Formula(tex, converted(tex) if len(tex) <= LONGEST else None)
    except Unset:
        return Formula(tex, None)


def refused(formulas: Sequence[Formula], can_be_set: Callable[[Sequence[Formula]], bool]) -> frozenset[int]:
    """The places of formulas that Typst cannot set, found by halving. What is known should be none of them."""
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

"""Lengths and colours of TeX in Typst."""

from __future__ import annotations

import re

from documents.render.tex.errors import Unset
from documents.render.tex.tables import section

LENGTH = re.compile(r"\s*(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))\s*(?P<unit>em|ex|mu|pt|mm|cm|in|pc|bp|px)\s*")
"""A length as TeX writes it. Stretch and shrink are no lengths."""

LONGEST_EM = 10.0

_EMS = {
    "em": 1.0,
    "ex": 0.43,
    "mu": 1 / 18,
    "pt": 0.1,
    "bp": 0.1,
    "px": 0.075,
    "mm": 0.285,
    "cm": 2.85,
    "in": 7.2,
    "pc": 1.2,
}

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def ems(length: str) -> float:
    """The length in em of the formula, at about 10 pt."""
    found = LENGTH.fullmatch(length)
    if found is None:
        raise Unset(f"{length} is no length")
    size = float(found["number"]) * _EMS[found["unit"]]
    if abs(size) > LONGEST_EM:
        raise Unset(f"{length} is too long")
    return size


def space(size: float) -> str:
    return f"h({size:.3g}em)"


def colour(name: str) -> str:
    """The colour as a call in Typst."""
    known = section("colours").get(name.strip().lower(), name.strip())
    if not _HEX.fullmatch(known):
        raise Unset(f"{name} is no colour that is known")
    return f'rgb("{known}")'

r"""Delimiters: what may follow `\left`, `\big` and their relatives."""

from __future__ import annotations

from documents.render.tex.tables import section
from documents.render.tex.tokens import Token

_TYPED = {**{each: each for each in "()[]|/"}, ".": "", "<": "⟨", ">": "⟩"}

SIZES = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
"""The heights of large delimiters in em."""


def delimiter(token: Token) -> str | None:
    """The delimiter as it stands in a string literal, empty for a dot; None if the token is no delimiter."""
    shown = section("delimiters").get(token.name) if token.command else _TYPED.get(token.name)
    return None if shown is None else shown.replace("\\", "\\\\")

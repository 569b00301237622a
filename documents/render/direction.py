"""The writing direction of a passage, by its first letter with a direction (UAX #9, rules P2 and P3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LANGUAGES = {"L": "en", "R": "he", "AL": "ar"}
"""The language for Typst, by the class of that letter: Typst derives direction and shaping from it."""


def language(texts: Iterable[str]) -> str | None:
    """The language: `he` or `ar` for text from right to left, else `en`; None without a letter that has a direction."""
    for text in texts:
        for letter in text:
            if found := LANGUAGES.get(unicodedata.bidirectional(letter)):
                return found
    return None

"""Which way a passage is written, by its first letter that has a direction (UAX #9, rules P2 and P3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LANGUAGES = {"L": "en", "R": "he", "AL": "ar"}
"""What Typst is told, by the class of that letter: it derives direction and shaping from the language."""


def language(texts: Iterable[str]) -> str | None:
    """`he` or `ar` for text from right to left, `en` for the other direction, None if no letter tells."""
    for text in texts:
        for letter in text:
            if found := LANGUAGES.get(unicodedata.bidirectional(letter)):
                return found
    return None

"""Grapheme clusters: what a reader takes for one character (Unicode Standard Annex 29).

Without a table of the property: from categories, combining classes and a few ranges. There may be fewer boundaries than
the standard's, never one that it does not have; that is what cutting needs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_VIRAMA = 9
"""The combining class of signs that join two consonants into one cluster."""

_EXTENDING = (
    (0xE33, 0xE33),
    (0xEB3, 0xEB3),
    (0x200C, 0x200D),
    (0xFF9E, 0xFF9F),
    (0x1F3FB, 0x1F3FF),
    (0xE0020, 0xE007F),
)
_PREPENDED = frozenset(
    chr(code)
    for code in (
        *(*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3),
        *(0x113D1, 0x1193F, 0x11941, 0x11A3A, *range(0x11A84, 0x11A8A), 0x11D46, 0x11F02),
    )
)
_LEADING = ((0x1100, 0x115F), (0xA960, 0xA97C))
_FOLLOWING = ((0x1160, 0x11FF), (0xD7B0, 0xD7FB))
_SYLLABLES = ((0xAC00, 0xD7A3),)
_FLAG_LETTERS = ((0x1F1E6, 0x1F1FF),)


def boundaries(text: str) -> Iterator[int]:
    """The places between two graphemes, without the text's beginning and with its end."""
    flags, joined = 0, False
    for at in range(1, len(text)):
        left, right = text[at - 1], text[at]
        flags = flags + 1 if _in(left, _FLAG_LETTERS) else 0
        joined = unicodedata.combining(left) == _VIRAMA or (joined and _is_extending(left))
        pair_of_flags = flags % 2 == 1 and _in(right, _FLAG_LETTERS)
        conjunct = joined and unicodedata.category(right) == "Lo"
        if not (pair_of_flags or conjunct or _belong_together(left, right)):
            yield at
    if text:
        yield len(text)


def _belong_together(left: str, right: str) -> bool:
    if left == "\r" and right == "\n":
        return True
    if _is_control(left) or _is_control(right):
        return False
    return _is_extending(right) or left == _JOINER or left in _PREPENDED or _is_one_syllable(left, right)


def _is_one_syllable(left: str, right: str) -> bool:
    if _in(left, _LEADING):
        return _in(right, _LEADING + _FOLLOWING + _SYLLABLES)
    return _in(left, _FOLLOWING + _SYLLABLES) and _in(right, _FOLLOWING)


def _is_extending(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Me", "Mc") or _in(letter, _EXTENDING)


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")


def _in(letter: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(letter) <= last for first, last in ranges)

"""Untrusted text as string literals of Typst: the only form in which it enters a source.

A string literal cannot be ended from inside, so nothing in it is read as markup or code.
"""

from __future__ import annotations

import re

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": " "})
_CONTROLS = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)], " ")
_OVERRIDES = dict.fromkeys(range(0x202A, 0x202F))
_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = {code: f"⟨U+{code:04X}⟩" for code in _BIDI}
_LETTER = r"[^\s\u0590-\U0010ffff]"
_SURROGATES = re.compile("[\ud800-\udfff]")

UNBROKEN = 60
"""The letters in a row, of about 11 pt, that certainly fit into a line of the page."""


UNSHAPED = 2_000


def scalar(text: str) -> str:
    """The text without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return _SURROGATES.sub("�", text)


def printable(text: str) -> str:
    """The text with spaces for controls, and without embeddings and overrides of the writing direction.

    Those make one text look like another. Marks and isolates, which honest text needs, stay.
    """
    return scalar(text).translate(_CONTROLS).translate(_OVERRIDES)


def literal(text: str) -> str:
    """The printable text as a string literal."""
    return f'"{printable(text).translate(_ESCAPES)}"'


def code_literal(text: str) -> str:
    """A string literal of program text, with visible controls of the writing direction."""
    return literal(text.translate(_SHOWN))


def breakable(text: str, unbroken: int) -> list[str]:
    """The text in pieces between which a line may break: one, unless it has more than `unbroken` letters in a row.

    That is for alphabets without joined letters. Other scripts have their own break opportunities, and are cut only
    after UNSHAPED letters: the shaping of some hundred thousand letters at once fails.
    """
    pieces = re.split(rf"({_LETTER}{{{unbroken}}})(?={_LETTER})", text)
    return [part for piece in pieces for part in re.split(rf"(\S{{{UNSHAPED}}})(?=\S)", piece) if part]

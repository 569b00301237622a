"""The segments of a text message, by which it is charged.

GSM 03.38: 160 septets in one message, 153 in each part of a longer one; characters of the extension table take two
septets, and a pair is never split. A text with any other character goes as UCS-2: 70 code units, 67 in each part, and
a surrogate pair is never split either.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_ALL = GSM | GSM_EXTENSION


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class Length(NamedTuple):
    """The length of a text message. `units` are septets or 16-bit code units; `segments` are charged."""

    encoding: Encoding
    units: int
    segments: int


def length(body: str) -> Length:
    """The encoding and length of a text. An empty one takes a segment."""
    if not GSM_ALL.issuperset(body):
        return _length(Encoding.UCS_2, [2 if ord(character) > 0xFFFF else 1 for character in body], 70, 67)
    if GSM_EXTENSION.isdisjoint(body):
        return _length(Encoding.GSM_7, [1] * len(body), 160, 153)
    return _length(Encoding.GSM_7, [2 if character in GSM_EXTENSION else 1 for character in body], 160, 153)


def _length(encoding: Encoding, widths: list[int], whole: int, part: int) -> Length:
    units = sum(widths)
    return Length(encoding, units, 1 if units <= whole else _parts(widths, part))


def _parts(widths: Iterable[int], size: int) -> int:
    parts, used = 1, 0
    for width in widths:
        if used + width > size:
            parts, used = parts + 1, 0
        used += width
    return parts

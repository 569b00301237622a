"""The tolerant reader of a provider's JSON: a value of another type than the documented one counts as absent.

An answer is paid for by the time it is read. So nothing but its text decides whether it arrives: names, counts and
reasons are taken where they can be, and bounded, as they are recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from json import JSONDecoder

LONGEST_WORD = 200
"""The most characters of a name, a code or an id that is recorded."""

MOST_TOKENS = 10**9
"""The largest count that is taken for one; a larger one would break sums long before it could be true."""

_DIGITS = re.compile(r"[0-9]{1,10}")
_DECODER = JSONDecoder(strict=False, parse_int=float)
"""The decoder that takes control characters in strings, and whole numbers of any length."""

Fields = Mapping[str, object]
"""The fields of a JSON object."""


def fields_of(text: str) -> Fields:
    """The fields of the JSON object at the start of a text; none of any other JSON. Raises ValueError without JSON."""
    try:
        value, _ = _DECODER.raw_decode(text.lstrip("\ufeff \t\r\n"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value if isinstance(value, dict) else {}


def fields_in(fields: Fields, name: str) -> Fields:
    """The object of that name; empty if it is absent or something else."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def list_in(fields: Fields, name: str) -> list[Fields]:
    """The objects in the list of that name; none if it is absent or something else."""
    value = fields.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_in(fields: Fields, name: str) -> str:
    """The text of that name as it is, halves of surrogate pairs included; empty if it is absent or something else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def word_in(fields: Fields, name: str, most: int = LONGEST_WORD) -> str:
    """The text of that name, cut and cleaned to be recorded."""
    return recordable(text_in(fields, name), most)


def recordable(text: str, most: int = LONGEST_WORD) -> str:
    """At most so many characters of a text, without NUL and halves of surrogate pairs, which cannot be stored."""
    return text[:most].replace("\0", "").encode(errors="ignore").decode()


def count_in(fields: Fields, name: str) -> int | None:
    """The count of that name. None if it is absent, negative, fractional, beyond `MOST_TOKENS`, or something else."""
    value = fields.get(name)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = float(value)
    if isinstance(value, float) and 0 <= value <= MOST_TOKENS and value.is_integer():
        return int(value)
    return None


class SurrogateJoiner:
    """The joiner of text that was cut inside a surrogate pair: a trailing first half waits for the next piece."""

    def __init__(self) -> None:
        self._half = ""

    def joined(self, piece: str) -> str:
        """The text that is whole with this piece. A half without its other half becomes U+FFFD."""
        text, self._half = self._half + piece, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return _well_formed(text)

    def rest(self) -> str:
        """What still waits once the last piece has come."""
        half, self._half = self._half, ""
        return _well_formed(half)


def _well_formed(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

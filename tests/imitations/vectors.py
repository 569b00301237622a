"""Vectors of texts: the more words two texts share, the more alike their vectors are."""

from __future__ import annotations

import math
import re
from hashlib import sha256

DIMENSIONS = 16


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length one: the sum of a direction for each word."""
    words = re.findall(r"\w+", text.lower()) or [text]
    sums = [sum(numbers) for numbers in zip(*(_direction(word, dimensions) for word in words), strict=True)]
    length = math.hypot(*sums) or 1.0
    return [number / length for number in sums]


def _direction(word: str, dimensions: int) -> list[float]:
    digest = sha256(word.encode(errors="replace")).digest()
    return [digest[place % len(digest)] / 127.5 - 1 for place in range(dimensions)]

"""Vectors as they are stored: of length one, in half precision (float16, little-endian), in base64.

Search compares directions alone, so that the length of a vector says nothing; of length one it fits in half precision.
"""

from __future__ import annotations

import binascii
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

MOST_DIMENSIONS = 4_096
"""The most numbers of a vector, so that a batch of chunks fits into one record with its vectors."""

_BYTES = 2


def encoded(vector: Sequence[float]) -> str:
    """A vector as it is stored. Raises ValueError for one that has no direction, or is too long."""
    if not 0 < len(vector) <= MOST_DIMENSIONS:
        raise ValueError(f"a vector has from 1 to {MOST_DIMENSIONS:,} numbers, not {len(vector):,}")
    largest = max(map(abs, vector))
    if not all(map(math.isfinite, vector)) or largest == 0:
        raise ValueError("a vector has finite numbers, of which one is not 0")
    scaled = [number / largest for number in vector]
    length = math.hypot(*scaled)
    return b64encode(struct.pack(f"<{len(scaled)}e", *(number / length for number in scaled))).decode()


def decoded(stored: str) -> tuple[float, ...]:
    """The numbers of a stored vector. Raises ValueError for anything else."""
    try:
        packed = b64decode(stored, validate=True)
    except binascii.Error as error:
        raise ValueError("a vector is stored in base64") from error
    if not packed or len(packed) % _BYTES:
        raise ValueError("a vector is stored as numbers of two bytes")
    numbers = struct.unpack(f"<{len(packed) // _BYTES}e", packed)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a vector has finite numbers")
    return numbers

"""Vectors as they are stored."""

from __future__ import annotations

import math
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.creator_hub.vectors import MOST_DIMENSIONS, decoded, encoded

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def test_a_vector_is_stored_with_length_one_in_half_precision() -> None:
    assert encoded([3, 4]) == encoded([0.3, 0.4]) == b64encode(b"\xcd\x38\x66\x3a").decode()
    assert decoded(encoded([3, 4])) == pytest.approx((0.6, 0.8), abs=1e-3)


@given(st.lists(NUMBERS, min_size=1, max_size=50).filter(any))
def test_any_vector_keeps_its_direction(vector: list[float]) -> None:
    stored = decoded(encoded(vector))
    assert len(stored) == len(vector)
    assert math.hypot(*stored) == pytest.approx(1, abs=0.01)
    largest = max(range(len(vector)), key=lambda place: abs(vector[place]))
    assert math.copysign(1, stored[largest]) == math.copysign(1, vector[largest])


@pytest.mark.parametrize(
    "vector", [[], [0.0, 0.0], [math.nan, 1], [1, math.inf], [-math.inf], [1.0] * (MOST_DIMENSIONS + 1)]
)
def test_a_vector_without_a_direction_is_refused(vector: list[float]) -> None:
    with pytest.raises(ValueError, match="a vector has"):
        encoded(vector)


@pytest.mark.parametrize("stored", ["", "?", "AAAA", b64encode(b"\x00").decode(), b64encode(b"\x00\x7c").decode()])
def test_what_is_no_vector_is_not_read(stored: str) -> None:
    with pytest.raises(ValueError, match="a vector"):
        decoded(stored)

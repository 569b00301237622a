"""The formulas, with the document's own figures."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content_generator.rates import (
    engagement_score,
    hrv_improvement,
    mean,
    mean_seconds,
    percent,
    rounded,
    share,
)


def test_the_documents_rates_come_out() -> None:
    assert (percent(150, 495), percent(40, 495), percent(900, 1000)) == (30.3, 8.1, 90.0)
    assert share(19, 20) == 0.95


def test_a_rate_without_a_denominator_is_0() -> None:
    assert (percent(0, 0), share(0, 0), engagement_score(0, 0, 0), mean_seconds(0, 0)) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "expected"), [(Fraction(1, 20), 0.1), (Fraction(25, 100), 0.3), (Fraction(-5, 100), 0.0)]
)
def test_halves_go_up(value: Fraction, expected: float) -> None:
    assert rounded(value) == expected


def test_an_engagement_score_is_of_the_two_things_that_can_be_done_with_each_campaign() -> None:
    assert engagement_score(15, 8, 20) == 57.5
    assert engagement_score(20, 20, 20) == 100.0


def test_seconds_are_a_mean_with_one_decimal() -> None:
    assert mean_seconds(90_150_000, 2) == 45.1


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(50.0, 55.0, Fraction(10)), (40.0, 40.0, Fraction(0)), (0.0, 9.0, None), (None, None, None), (8.0, 6.0, -25)],
)
def test_an_improvement_is_measured_from_the_first_reading(
    first: float | None, last: float | None, expected: Fraction | None
) -> None:
    assert hrv_improvement(first, last) == expected


def test_readings_count_as_the_decimals_that_were_sent() -> None:
    assert mean([hrv_improvement(10.0, 10.105) or Fraction()]) == 1.1


def test_a_mean_of_nothing_is_no_measurement() -> None:
    assert mean([]) is None
    assert mean([Fraction(1), Fraction(2)]) == 1.5


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_a_mean_of_ratings_stays_within_them(ratings: list[int]) -> None:
    found = mean([Fraction(rating) for rating in ratings])
    assert found is not None
    assert min(ratings) <= found <= max(ratings)

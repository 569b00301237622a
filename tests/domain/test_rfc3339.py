"""Dates and times as RFC 3339 writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rfc3339 import read_instant

TEN = datetime(2027, 1, 27, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-27T10:00:00Z",
        "2027-01-27T10:00:00z",
        "2027-01-27t10:00:00z",
        "2027-01-27t10:00:00Z",
        "2027-01-27 10:00:00z",
        "2027-01-27T10:00:00.000z",
        "2027-01-27T10:00:00.000000000Z",
        "2027-01-27T11:00:00+01:00",
        "2027-01-27T10:00:00-00:00",
        "2027-01-27T09:59:60Z",
        "2027-01-27T10:00:00",
        "2027-01-27T10:00",
    ],
)
def test_every_notation_of_an_instant_is_read(text: str) -> None:
    assert read_instant(text) == TEN


def test_the_examples_of_the_standard_are_read() -> None:
    assert read_instant("1985-04-12T23:20:50.52Z") == datetime(1985, 4, 12, 23, 20, 50, 520000, tzinfo=UTC)
    assert read_instant("1990-12-31T23:59:60Z") == datetime(1991, 1, 1, tzinfo=UTC)
    assert read_instant("1990-12-31T15:59:60-08:00") == datetime(1991, 1, 1, tzinfo=UTC)
    assert read_instant("1937-01-01T12:00:27.87+00:20") == datetime(1937, 1, 1, 11, 40, 27, 870000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "2027-01-27T10:00:00zz",
        "2027-01-27T10:00:61Z",
        "2027-02-30T10:00:00Z",
        "now",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_what_is_no_instant_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)


@given(st.datetimes(timezones=st.just(UTC)), st.booleans())
def test_every_instant_is_read_as_it_is_written(moment: datetime, lower: bool) -> None:
    text = moment.isoformat().replace("+00:00", "Z")
    assert read_instant(text.lower() if lower else text) == moment

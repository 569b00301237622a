"""Retry-After in all its forms, and what a request without an answer came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.retry_after import LONGEST, retry_after, unanswered
from streams.core.calls import Deferred, Unknown

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_seconds_are_taken_as_they_stand() -> None:
    assert retry_after({"retry-after": "120"}, NOW) == 120.0


def test_a_date_is_measured_from_now() -> None:
    assert retry_after({"retry-after": "Mon, 23 Nov 2026 12:01:30 GMT"}, NOW) == 90.0


def test_a_date_is_measured_by_the_providers_own_clock_when_it_tells_it() -> None:
    headers = {"retry-after": "Mon, 23 Nov 2026 15:00:30 GMT", "date": "Mon, 23 Nov 2026 15:00:00 GMT"}
    assert retry_after(headers, NOW) == 30.0


def test_a_date_gone_by_means_at_once() -> None:
    assert retry_after({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, NOW) == 0.0


def test_another_header_may_carry_the_seconds() -> None:
    assert retry_after({"ratelimit-reset": "4"}, NOW, name="ratelimit-reset") == 4.0


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "1e9", "٣", "Mon, 99 Nov 2026 12:00:00 GMT"])
def test_what_cannot_be_read_is_as_good_as_absent(value: str) -> None:
    assert retry_after({"retry-after": value}, NOW) is None
    assert retry_after({}, NOW) is None


def test_no_provider_parks_a_message_for_longer_than_a_day() -> None:
    assert retry_after({"retry-after": "9" * 400}, NOW) == LONGEST
    assert retry_after({"retry-after": "Mon, 23 Nov 2099 12:00:00 GMT"}, NOW) == LONGEST


@given(st.integers(0, int(LONGEST)))
def test_seconds_and_a_date_so_many_seconds_ahead_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"retry-after": date}, NOW) == retry_after({"retry-after": str(seconds)}, NOW) == seconds


@given(st.text())
def test_no_header_value_breaks_it(value: str) -> None:
    seconds = retry_after({"retry-after": value, "date": value}, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError])
def test_what_never_left_may_be_tried_again(error: type[httpx2.RequestError]) -> None:
    assert isinstance(unanswered(error("to +4915112345678")), Deferred)


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ReadTimeout,
        httpx2.WriteTimeout,
        httpx2.ReadError,
        httpx2.WriteError,
        httpx2.CloseError,
        httpx2.RemoteProtocolError,
        httpx2.LocalProtocolError,
        httpx2.DecodingError,
        httpx2.TooManyRedirects,
    ],
)
def test_what_may_have_left_is_unknown(error: type[httpx2.RequestError]) -> None:
    assert unanswered(error("to +4915112345678")) == Unknown(
        f"the request was sent and no answer came ({error.__name__})"
    )

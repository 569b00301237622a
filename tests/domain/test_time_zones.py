"""The next time that a clock shows, in every zone and over every change of its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.time_zones import next_local, zone_of

ZONES = st.sampled_from(sorted(available_timezones()))
MOMENTS = st.integers(946_684_800, 2_840_140_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
CLOCKS = st.times().map(lambda one: one.replace(fold=0))


@given(ZONES, MOMENTS, CLOCKS)
def test_the_next_local_time_comes_within_two_days_and_shows_what_was_asked_or_was_skipped(
    name: str, moment: datetime, clock: time
) -> None:
    zone = zone_of(name)
    found = next_local(moment, clock, zone)
    assert moment <= found <= moment + timedelta(days=3)
    shown = found.astimezone(zone)
    before = (found - timedelta(seconds=1)).astimezone(zone)
    assert shown.time() == clock or shown.utcoffset() != before.utcoffset()


@given(ZONES, MOMENTS, CLOCKS)
def test_who_wakes_at_a_local_time_and_waits_for_it_again_waits_for_another_day(
    name: str, moment: datetime, clock: time
) -> None:
    zone = zone_of(name)
    first = next_local(moment, clock, zone)
    second = next_local(first + timedelta(microseconds=1), clock, zone)
    assert second - first > timedelta(hours=12)


BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("zone", "moment", "clock", "expected"),
    [
        (BERLIN, "2026-01-10T08:00:00+00:00", time(9), "2026-01-10T08:00:00+00:00"),
        (BERLIN, "2026-01-10T08:00:01+00:00", time(9), "2026-01-11T08:00:00+00:00"),
        (BERLIN, "2026-03-28T23:00:00+00:00", time(2, 30), "2026-03-29T01:00:00+00:00"),
        (NEW_YORK, "2026-11-01T04:00:00+00:00", time(1, 30), "2026-11-01T05:30:00+00:00"),
        (NEW_YORK, "2026-11-01T05:45:00+00:00", time(1, 30), "2026-11-02T06:30:00+00:00"),
        (LORD_HOWE, "2026-10-03T12:00:00+00:00", time(2, 15), "2026-10-03T15:30:00+00:00"),
    ],
)
def test_over_a_change_of_the_clocks(zone: str, moment: str, clock: time, expected: str) -> None:
    assert next_local(datetime.fromisoformat(moment), clock, zone_of(zone)) == datetime.fromisoformat(expected)

"""Quiet hours and preferred times by the clock on the recipient's wall."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.communication.kinds import Channel, Priority
from domain.communication.preferences import DEFAULTS, Preferences, QuietHours
from domain.communication.windows import in_quiet_hours, is_open, local, next_opening
from domain.time_zones import zone_of

SMS, EMAIL = Channel.SMS, Channel.EMAIL
MONDAY = datetime(2025, 1, 27, 10, tzinfo=UTC)


def opens(preferences: Preferences, moment: datetime, channel: Channel = SMS, priority: str = "medium") -> datetime:
    return next_opening(preferences, channel, Priority(priority), moment)


def test_with_default_preferences_every_moment_is_open() -> None:
    assert all(
        is_open(DEFAULTS, channel, Priority.LOW, MONDAY + timedelta(hours=n)) for channel in Channel for n in range(24)
    )


@pytest.mark.parametrize(("hour", "quiet"), [(20, False), (21, True), (23, True), (0, True), (7, True), (8, False)])
def test_the_night_spans_midnight_and_leaves_its_end_open(hour: int, quiet: bool) -> None:
    wanted = Preferences(time_zone="UTC")
    assert in_quiet_hours(wanted, MONDAY.replace(hour=hour)) is quiet


def test_quiet_hours_may_lie_within_a_day_or_be_empty() -> None:
    assert QuietHours(start=time(12), end=time(13)).covers(time(12, 59))
    assert not QuietHours(start=time(12), end=time(13)).covers(time(13))
    assert not QuietHours(start=time(12), end=time(12)).covers(time(12))


def test_a_preferred_sms_time_opens_the_day_until_midnight() -> None:
    wanted = Preferences(preferred_sms_time=time(12), chosen=("preferred_sms_time",))
    assert opens(wanted, MONDAY) == MONDAY.replace(hour=12)
    assert opens(wanted, MONDAY.replace(hour=23)) == MONDAY.replace(hour=23)
    assert opens(wanted, MONDAY.replace(hour=0) + timedelta(days=1)) == MONDAY.replace(hour=12) + timedelta(days=1)


def test_a_preferred_time_that_was_never_set_holds_nothing() -> None:
    assert opens(Preferences(preferred_sms_time=time(12)), MONDAY) == MONDAY


def test_a_preferred_email_day_opens_at_nine() -> None:
    wanted = Preferences(preferred_email_day=2, chosen=("preferred_email_day",))
    assert opens(wanted, MONDAY, EMAIL) == datetime(2025, 1, 29, 9, tzinfo=UTC)
    assert opens(wanted, datetime(2025, 1, 29, 15, tzinfo=UTC), EMAIL) == datetime(2025, 1, 29, 15, tzinfo=UTC)
    assert opens(wanted, MONDAY, EMAIL, "high") == MONDAY
    assert opens(wanted, MONDAY, SMS) == MONDAY


def test_a_preference_the_quiet_hours_leave_no_room_for_is_not_kept() -> None:
    late = Preferences(time_zone="UTC", preferred_sms_time=time(22), chosen=("preferred_sms_time",))
    assert opens(late, MONDAY) == MONDAY
    early = Preferences(time_zone="UTC", preferred_sms_time=time(6), chosen=("preferred_sms_time",))
    assert opens(early, MONDAY.replace(hour=5)) == MONDAY.replace(hour=8)


def test_an_opening_that_the_clock_skips_is_the_instant_of_the_change() -> None:
    night = QuietHours(start=time(22), end=time(2, 30))
    wanted = Preferences(time_zone="America/New_York", quiet_hours=night)
    before = datetime(2025, 3, 9, 6, 30, tzinfo=UTC)  # 01:30; at 02:00 it becomes 03:00
    assert local(wanted, opens(wanted, before)).time() == time(3)


def test_an_hour_that_comes_twice_counts_by_its_clock_time_in_both_passes() -> None:
    night = QuietHours(start=time(22), end=time(1, 30))
    wanted = Preferences(time_zone="America/New_York", quiet_hours=night)
    first, second = datetime(2025, 11, 2, 5, 30, tzinfo=UTC), datetime(2025, 11, 2, 6, 30, tzinfo=UTC)
    assert opens(wanted, datetime(2025, 11, 2, 4, tzinfo=UTC)) == first
    assert opens(wanted, first + timedelta(minutes=20)) == first + timedelta(minutes=20)
    assert opens(wanted, first + timedelta(minutes=30)) == second


def test_an_hour_that_comes_again_may_open_by_the_change_alone() -> None:
    night = QuietHours(start=time(1, 30), end=time(3))
    wanted = Preferences(time_zone="America/New_York", quiet_hours=night)
    assert opens(wanted, datetime(2025, 11, 2, 5, 45, tzinfo=UTC)) == datetime(2025, 11, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Nowhere", "../UTC", "/etc/passwd", "a\0b", "x" * 300])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        zone_of(name)


TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
PREFERENCES = st.builds(
    Preferences,
    time_zone=st.sampled_from([None, "Europe/Vienna", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    quiet_hours=st.none() | st.builds(QuietHours, start=TIMES, end=TIMES),
    preferred_sms_time=TIMES,
    preferred_email_day=st.integers(0, 6),
    chosen=st.sets(st.sampled_from(["preferred_sms_time", "preferred_email_day"])).map(tuple),
)


@given(PREFERENCES, st.sampled_from(list(Channel)), st.sampled_from(list(Priority)), st.integers(0, 2 * 365 * 24 * 60))
def test_every_window_opens_within_eight_days_and_is_open_then(
    wanted: Preferences, channel: Channel, priority: Priority, minutes: int
) -> None:
    now = MONDAY + timedelta(minutes=minutes)
    opening = next_opening(wanted, channel, priority, now)
    assert is_open(wanted, channel, priority, opening)
    assert now <= opening <= now + timedelta(days=8, hours=2)
    assert not in_quiet_hours(wanted, opening)

"""Every change of clocks, of every time zone, over 20 years: nothing is held longer than it must be, nor less."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.communication.kinds import Channel, Priority
from domain.communication.preferences import Preferences, QuietHours
from domain.communication.windows import is_open, next_opening

FIRST, LAST = datetime(2017, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


class ClockChange(NamedTuple):
    """A change of a zone's clocks: its instant, and the offsets before and after it."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def rule(self) -> tuple[timedelta, timedelta, time]:
        """What matters of it for a day's windows."""
        return self.before, self.after, (self.at + self.before).time()


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes_of(name: str) -> list[ClockChange]:
    """The changes of one zone, found week by week: none are nearer to each other."""
    zone, weeks = ZoneInfo(name), range(0, (LAST - FIRST).days, 7)
    known = [(moment, offset(zone, moment)) for moment in (FIRST + timedelta(days=day) for day in weeks)]
    return [
        ClockChange(name, change(zone, before, after), old, new)
        for (before, old), (after, new) in pairwise(known)
        if old != new
    ]


def change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The minute at which the offset changes."""
    new, low, high = offset(zone, after), 0, int((after - before) / MINUTE)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset(zone, before + middle * MINUTE) == new else (middle, high)
    return before + high * MINUTE


@cache
def every_change() -> list[ClockChange]:
    return [change for name in sorted(available_timezones()) for change in changes_of(name)]


@cache
def one_of_each_rule() -> list[ClockChange]:
    return list({change.rule: change for change in every_change()}.values())


def check(preferences: Preferences, channel: Channel, due: datetime) -> None:
    """The instant until which a message is held allows it, and no quarter of an hour before that does."""
    held = next_opening(preferences, channel, Priority.LOW, due)
    assert is_open(preferences, channel, Priority.LOW, held)
    moment = due
    while moment < held:
        assert not is_open(preferences, channel, Priority.LOW, moment), (preferences, channel, due, moment)
        moment += QUARTER
    if held > due:
        assert not is_open(preferences, channel, Priority.LOW, held - timedelta(microseconds=1))


def wall(change: ClockChange, hours: float) -> time:
    """The clock time so many hours from the change, by the clocks before it, to the quarter."""
    moment = change.at + change.before + timedelta(hours=hours)
    return moment.time().replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def nights(change: ClockChange) -> list[QuietHours]:
    """Nights that end before, in and after what the change skips or repeats, and one that begins there."""
    ends = (-1, -0.5, 0, 0.5, 1)
    return [QuietHours(start=wall(change, -6), end=wall(change, hours)) for hours in ends] + [
        QuietHours(start=wall(change, -0.5), end=wall(change, 3))
    ]


def test_the_zones_hold_changes_of_many_kinds() -> None:
    sizes = {change.after - change.before for change in every_change()}
    assert {timedelta(hours=1), timedelta(hours=-1), timedelta(minutes=30), timedelta(minutes=-30)} <= sizes
    assert len({change.zone for change in every_change()}) > 200
    assert any(change.at.minute % 15 for change in every_change()), "Antarctica/Casey changed its clocks at 00:01"


def test_around_every_kind_of_change_a_night_ends_when_it_must() -> None:
    for change in one_of_each_rule():
        for night in nights(change):
            wanted = Preferences(time_zone=change.zone, quiet_hours=night)
            for hours in (-2, -0.75, -0.25, 0, 0.25, 0.75):
                check(wanted, Channel.SMS, change.at + timedelta(hours=hours))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_around_any_change_of_any_zone_a_message_waits_no_longer_than_it_must(data: st.DataObject) -> None:
    change = data.draw(st.sampled_from(every_change()))
    quarters = st.integers(0, 95).map(lambda number: time(number // 4, number % 4 * 15))
    wanted = Preferences(
        time_zone=change.zone,
        quiet_hours=data.draw(st.none() | st.builds(QuietHours, start=quarters, end=quarters)),
        preferred_sms_time=data.draw(quarters),
        preferred_email_day=data.draw(st.sampled_from([change.at.weekday(), (change.at.weekday() - 1) % 7])),
        chosen=data.draw(st.sampled_from([(), ("preferred_sms_time",), ("preferred_email_day",)])),
    )
    due = change.at + data.draw(st.integers(-100, 100)) * QUARTER
    check(wanted, data.draw(st.sampled_from(list(Channel))), due)


def test_every_change_of_every_zone_ends_a_night_in_time() -> None:
    for change in {(change.at, change.rule): change for change in every_change()}.values():
        night = QuietHours(start=wall(change, -3), end=wall(change, 0.5))
        check(Preferences(time_zone=change.zone, quiet_hours=night), Channel.SMS, change.at - timedelta(minutes=30))


def test_a_day_that_a_zone_skips_is_waited_for_until_it_comes_again() -> None:
    wanted = Preferences(
        time_zone="Pacific/Apia",
        quiet_hours=QuietHours(start=time(12), end=time(12)),
        preferred_email_day=4,
        chosen=("preferred_email_day",),
    )
    due = datetime(2011, 12, 29, 20, tzinfo=UTC)  # a Thursday there; the 30th, a Friday, was left out
    opening = next_opening(wanted, Channel.EMAIL, Priority.LOW, due).astimezone(ZoneInfo("Pacific/Apia"))
    assert (opening.date(), opening.time()) == (date(2012, 1, 6), time(9))

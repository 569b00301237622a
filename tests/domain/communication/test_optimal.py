"""The best hour to write to a person."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from domain.communication.kinds import Channel
from domain.communication.optimal import ENOUGH, Sample, best_hour, optimal_time
from domain.communication.preferences import DEFAULTS, Preferences

NOW = datetime(2025, 1, 27, 10, tzinfo=UTC)
SMS, EMAIL = Channel.SMS, Channel.EMAIL


def samples(hour: int, engaged: int, ignored: int = 0) -> list[Sample]:
    return [Sample(NOW.replace(hour=hour) - timedelta(days=n), n < engaged) for n in range(engaged + ignored)]


def test_without_history_it_is_the_next_preferred_time() -> None:
    assert optimal_time(DEFAULTS, SMS, [], NOW) == datetime(2025, 1, 28, 9, tzinfo=UTC)
    assert optimal_time(DEFAULTS, EMAIL, [], NOW) == datetime(2025, 1, 28, 9, tzinfo=UTC)
    friday = Preferences(preferred_email_day=4, preferred_sms_time=time(11))
    assert optimal_time(friday, EMAIL, [], NOW) == datetime(2025, 1, 31, 9, tzinfo=UTC)
    assert optimal_time(friday, SMS, [], NOW) == datetime(2025, 1, 27, 11, tzinfo=UTC)


def test_the_hour_that_was_answered_best_is_the_best() -> None:
    history = samples(9, 1, 6) + samples(18, 4, 1)
    assert best_hour(DEFAULTS, history) == 18
    assert optimal_time(DEFAULTS, SMS, history, NOW) == NOW.replace(hour=18)


def test_one_lucky_hit_does_not_beat_a_good_record() -> None:
    assert best_hour(DEFAULTS, samples(3, 1) + samples(18, 8)) == 18


def test_too_little_history_says_nothing() -> None:
    assert best_hour(DEFAULTS, samples(18, ENOUGH - 1)) is None
    assert best_hour(DEFAULTS, samples(18, 0, 50)) is None


def test_the_hour_is_the_recipients_own() -> None:
    vienna = Preferences(time_zone="Europe/Vienna")
    assert best_hour(vienna, samples(18, 6)) == 19
    assert optimal_time(vienna, SMS, samples(18, 6), NOW) == NOW.replace(hour=18)


def test_nobody_is_woken_for_what_worked_at_night() -> None:
    vienna = Preferences(time_zone="Europe/Vienna")
    assert best_hour(vienna, samples(2, 9) + samples(12, 1, 3)) == 13
    assert optimal_time(vienna, SMS, samples(2, 9), NOW) == datetime(2025, 1, 28, 8, tzinfo=UTC)

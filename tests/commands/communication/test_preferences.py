"""What a person wants, set in parts and reset as a whole."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from pydantic import ValidationError

from commands.communication.preferences import ResetPreferences, UnknownTimeZone, UpdatePreferences
from domain.communication.kinds import TriggerType
from domain.communication.preferences import DEFAULTS, Frequency, PreferenceChanges, Preferences
from domain.communication.recipient import PreferencesReset, PreferencesUpdated
from streams.testing import Scenario
from tests.commands.communication.people import ADA, ALERT, NOW, REPORT, STORY, wants


def change(**changes: Any) -> UpdatePreferences:
    return UpdatePreferences(at=NOW, user_id=ADA, changes=PreferenceChanges(**changes))


def preferences_after(story: Scenario) -> Preferences:
    event = story.produced[0]
    assert isinstance(event, PreferencesUpdated | PreferencesReset)
    return event.preferences


def test_an_update_keeps_what_it_does_not_name() -> None:
    story = STORY.given(wants(email_enabled=False)).when(change(frequency_preference="daily"))
    after = preferences_after(story.then_kinds(PreferencesUpdated))
    assert (after.email_enabled, after.frequency_preference) == (False, Frequency.DAILY)


def test_switches_are_merged_key_by_key() -> None:
    story = STORY.given(wants(alert_types_sms={ALERT: True, REPORT: True}))
    after = preferences_after(story.when(change(alert_types_sms={REPORT: False})).then_kinds(PreferencesUpdated))
    assert after.alert_types_sms == {ALERT: True, REPORT: False}


def test_an_update_that_changes_nothing_is_no_event() -> None:
    STORY.when(change(sms_enabled=True)).then_nothing()
    STORY.when(change()).then_nothing()


def test_a_preferred_time_binds_once_it_is_set_even_to_its_default() -> None:
    story = STORY.when(change(preferred_sms_time=time(9))).then_kinds(PreferencesUpdated)
    assert preferences_after(story).chosen == ("preferred_sms_time",)


def test_a_time_zone_must_exist() -> None:
    STORY.when(change(time_zone="Middle-earth/Shire")).then_refused(UnknownTimeZone)
    STORY.when(change(time_zone="../../etc/passwd")).then_refused(UnknownTimeZone)
    STORY.when(change(time_zone="Europe/Vienna")).then_kinds(PreferencesUpdated)


def test_a_reset_brings_the_defaults_back_and_is_no_event_when_they_were_never_left() -> None:
    STORY.when(ResetPreferences(at=NOW, user_id=ADA)).then_nothing()
    story = STORY.given(wants(sms_enabled=False)).when(ResetPreferences(at=NOW, user_id=ADA))
    assert preferences_after(story.then_kinds(PreferencesReset)) == DEFAULTS


@pytest.mark.parametrize("day", [-1, 7])
def test_a_week_has_seven_days(day: int) -> None:
    with pytest.raises(ValidationError):
        PreferenceChanges(preferred_email_day=day)


def test_the_defaults_of_somebody_never_seen() -> None:
    assert DEFAULTS.model_dump(mode="json", exclude={"chosen", "quiet_hours", "time_zone"}) == {
        "sms_enabled": True,
        "email_enabled": True,
        "preferred_sms_time": "09:00:00",
        "preferred_email_day": 1,
        "alert_types_sms": {},
        "alert_types_email": {},
        "frequency_preference": "weekly",
        "user_segment": "standard",
    }
    assert all(DEFAULTS.wants(channel, type_) for channel in ("sms", "email") for type_ in TriggerType)  # type: ignore[arg-type]

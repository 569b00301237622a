"""The update and the reset of a person's preferences."""

from __future__ import annotations

from collections.abc import Sequence

from domain.communication.preferences import DEFAULTS, PreferenceChanges, merged
from domain.communication.recipient import PreferencesReset, PreferencesUpdated, Recipient
from domain.messages import Command, Event, Refused
from domain.time_zones import zone_of


class UnknownTimeZone(Refused, name="communication.unknown_time_zone", formerly="UnknownTimeZone"):
    """The time zone is not a known IANA name."""


class UpdatePreferences(
    Command, name="communication.recipient.update_preferences.v1", key="user_id", subject="user_id"
):
    """Change the given fields and keep the rest. Answers PreferencesUpdated, or nothing if no value changes."""

    user_id: int
    changes: PreferenceChanges


class ResetPreferences(Command, name="communication.recipient.reset_preferences.v1", key="user_id", subject="user_id"):
    """Restore the defaults. Answers PreferencesReset, or nothing if they are in force."""

    user_id: int


def update(command: UpdatePreferences, recipient: Recipient) -> Sequence[Event]:
    if command.changes.time_zone is not None:
        _check_zone(command.changes.time_zone)
    preferences = merged(recipient.preferences, command.changes)
    if preferences == recipient.preferences:
        return []
    return [PreferencesUpdated(at=command.at, user_id=command.user_id, preferences=preferences)]


def _check_zone(name: str) -> None:
    try:
        zone_of(name)
    except ValueError as error:
        raise UnknownTimeZone(str(error)) from error


def reset(command: ResetPreferences, recipient: Recipient) -> Sequence[Event]:
    if recipient.preferences == DEFAULTS:
        return []
    return [PreferencesReset(at=command.at, user_id=command.user_id, preferences=DEFAULTS)]

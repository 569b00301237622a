"""The windows for sending, by the recipient's local time: quiet hours and preferred times.

Quiet hours hold every message that is not critical. A preferred SMS time opens the day's window for texts: from then
until midnight, less the quiet hours. A preferred e-mail day opens that weekday's window for e-mail from 09:00, except
for high priority, for which a wait of days is too long. A preference without any room beside the quiet hours is
ignored. A message is held until the first instant at which it may go out. Where the clocks are put forward over an
opening, that is the instant of the change; where they are put back, an hour counts by its clock time in both passes.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from domain.communication.kinds import Channel, Priority
from domain.communication.preferences import Preferences
from domain.time_zones import clock_changes, zone_of

EMAIL_OPENS = time(9)
_DAYS_AHEAD = 15


def local(preferences: Preferences, moment: datetime) -> datetime:
    """The instant in the recipient's local time."""
    return moment.astimezone(zone_of(preferences.zone))


def in_quiet_hours(preferences: Preferences, moment: datetime) -> bool:
    """Whether the instant lies in the recipient's quiet hours."""
    night = preferences.night
    return night is not None and night.covers(local(preferences, moment).time())


def is_open(preferences: Preferences, channel: Channel, priority: Priority, moment: datetime) -> bool:
    """Whether a message that is not critical may go out at this instant."""
    if preferences.night is None and not preferences.chosen:
        return True
    here = local(preferences, moment)
    asleep = preferences.night is not None and preferences.night.covers(here.time())
    return not asleep and _preferred(preferences, channel, priority, here)


def _preferred(preferences: Preferences, channel: Channel, priority: Priority, here: datetime) -> bool:
    if channel is Channel.SMS:
        opens, chosen, right_day = preferences.preferred_sms_time, "preferred_sms_time", True
    else:
        opens, chosen = EMAIL_OPENS, "preferred_email_day"
        right_day = here.weekday() == preferences.preferred_email_day
    binding = chosen in preferences.chosen and (channel is Channel.SMS or priority is not Priority.HIGH)
    if not binding or not _window(preferences, opens):
        return True
    return right_day and here.time() >= opens


def _window(preferences: Preferences, opens: time) -> bool:
    """Whether the quiet hours leave any part of a day from this time on. If not, the preference is ignored."""
    night = preferences.night
    return night is None or not night.covers(opens) or night.end > opens


def next_opening(preferences: Preferences, channel: Channel, priority: Priority, moment: datetime) -> datetime:
    """The first instant from here on, UTC, at which such a message may go out."""
    if is_open(preferences, channel, priority, moment):
        return moment
    return next(edge for edge in sorted(_edges(preferences, moment)) if is_open(preferences, channel, priority, edge))


def _edges(preferences: Preferences, moment: datetime) -> set[datetime]:
    """The instants after this one at which something may begin to be allowed."""
    here = local(preferences, moment)
    times = {preferences.preferred_sms_time, EMAIL_OPENS, time(0)}
    if preferences.night is not None:
        times.add(preferences.night.end)
    days = [here.date() + timedelta(days=number) for number in range(_DAYS_AHEAD)]
    walls = (datetime.combine(day, clock, tzinfo=here.tzinfo) for day in days for clock in times)
    edges = {wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)}
    return {edge for edge in edges | clock_changes(zone_of(preferences.zone), moment, _DAYS_AHEAD) if edge > moment}

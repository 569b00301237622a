"""A person's preferences: channels, message types, frequency and times."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.communication.kinds import Channel, TriggerType


class Frequency(StrEnum):
    """The frequency at which a person wants messages that are not critical."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


STANDARD_SEGMENT = "standard"
"""The default segment: a label for callers, without effect on decisions."""

UTC_ZONE = "UTC"


class QuietHours(BaseModel):
    """The hours of a recipient's night, local time, in which only critical messages go out.

    From `start` up to, not including, `end`; they may span midnight. Equal ends mean no quiet hours at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    end: time

    def covers(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


NIGHT = QuietHours(start=time(21), end=time(8))
"""The default quiet hours of a person with a known time zone."""


class Preferences(BaseModel):
    """The settings of a person, with their defaults.

    An unset switch is on. `preferred_email_day` counts from 0 for Monday to 6 for Sunday. A preferred time or day holds
    messages back only once the person has set it (`chosen` names the fields that were set). `time_zone` is an IANA
    name; None means unknown and is read as UTC. `quiet_hours` None means NIGHT if the time zone is known, else none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sms_enabled: bool = True
    email_enabled: bool = True
    preferred_sms_time: time = time(9)
    preferred_email_day: int = Field(default=1, ge=0, le=6)
    alert_types_sms: dict[TriggerType, bool] = {}
    alert_types_email: dict[TriggerType, bool] = {}
    frequency_preference: Frequency = Frequency.WEEKLY
    user_segment: str = STANDARD_SEGMENT
    time_zone: str | None = None
    quiet_hours: QuietHours | None = None
    chosen: tuple[str, ...] = ()

    def enabled(self, channel: Channel) -> bool:
        """Whether the channel as a whole is switched on."""
        return self.sms_enabled if channel is Channel.SMS else self.email_enabled

    def wants(self, channel: Channel, type_: TriggerType) -> bool:
        """Whether this message type is switched on, or not switched at all, on this channel."""
        switches = self.alert_types_sms if channel is Channel.SMS else self.alert_types_email
        return switches.get(type_, True)

    @property
    def zone(self) -> str:
        return self.time_zone or UTC_ZONE

    @property
    def night(self) -> QuietHours | None:
        """The quiet hours in force."""
        return self.quiet_hours or (NIGHT if self.time_zone is not None else None)


DEFAULTS = Preferences()


class PreferenceChanges(BaseModel):
    """A partial update: None leaves a field as it is; the maps of switches are merged key by key.

    `unset` names fields that become as if they had never been set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sms_enabled: bool | None = None
    email_enabled: bool | None = None
    preferred_sms_time: time | None = None
    preferred_email_day: int | None = Field(default=None, ge=0, le=6)
    alert_types_sms: dict[TriggerType, bool] | None = None
    alert_types_email: dict[TriggerType, bool] | None = None
    frequency_preference: Frequency | None = None
    user_segment: str | None = Field(default=None, min_length=1, max_length=100)
    time_zone: str | None = Field(default=None, max_length=100)
    quiet_hours: QuietHours | None = None
    unset: tuple[Literal["time_zone", "quiet_hours"], ...] = ()


BINDING = ("preferred_sms_time", "preferred_email_day")
"""The preferences that bind only once they have been set."""


def merged(preferences: Preferences, changes: PreferenceChanges) -> Preferences:
    """The complete preferences after the update."""
    given: dict[str, Any] = {name: value for name, value in changes if value is not None and name != "unset"}
    for switches in ("alert_types_sms", "alert_types_email"):
        if switches in given:
            given[switches] = getattr(preferences, switches) | given[switches]
    newly_chosen = tuple(name for name in BINDING if name in given and name not in preferences.chosen)
    given |= dict.fromkeys(changes.unset)
    return preferences.model_copy(update=given | {"chosen": preferences.chosen + newly_chosen})

"""What a person wants: channels, kinds of message, how often, and when."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.communication.kinds import Channel, TriggerType


class Frequency(StrEnum):
    """How often a person wants to hear of things that are not critical."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


STANDARD_SEGMENT = "standard"
"""The segment of everybody whose segment nobody has set: it is a label for callers, and decides nothing here."""

UTC_ZONE = "UTC"


class QuietHours(BaseModel):
    """A nightly stretch in the recipient's own time during which only critical messages go out.

    From `start` up to, not including, `end`; it may span midnight. Equal ends mean no quiet hours at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    end: time

    def covers(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


NIGHT = QuietHours(start=time(21), end=time(8))
"""Quiet hours of a person whose time zone is known and who has said nothing else."""


class Preferences(BaseModel):
    """Everything a person may set, with the defaults of somebody who never has.

    A switch that is unset is on. `preferred_email_day` counts from 0 for Monday to 6 for Sunday. A preferred time or
    day holds messages back only once the person has set it (`chosen` names what was set). `time_zone` is an IANA
    name; None means unknown and is read as UTC. `quiet_hours` None means: NIGHT where the time zone is known, none
    where it is not.
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
        """Whether this kind of message is switched on, or not switched at all, on this channel."""
        switches = self.alert_types_sms if channel is Channel.SMS else self.alert_types_email
        return switches.get(type_, True)

    @property
    def zone(self) -> str:
        return self.time_zone or UTC_ZONE

    @property
    def night(self) -> QuietHours | None:
        """The quiet hours that hold."""
        return self.quiet_hours or (NIGHT if self.time_zone is not None else None)


DEFAULTS = Preferences()


class PreferenceChanges(BaseModel):
    """A partial update: what is None stays as it was, and the maps of switches are merged key by key."""

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


BINDING = ("preferred_sms_time", "preferred_email_day")
"""The preferences whose defaults are only suggestions."""


def merged(preferences: Preferences, changes: PreferenceChanges) -> Preferences:
    """The complete preferences after the update."""
    given: dict[str, Any] = {name: value for name, value in changes if value is not None}
    for switches in ("alert_types_sms", "alert_types_email"):
        if switches in given:
            given[switches] = getattr(preferences, switches) | given[switches]
    newly_chosen = tuple(name for name in BINDING if name in given and name not in preferences.chosen)
    return preferences.model_copy(update=given | {"chosen": preferences.chosen + newly_chosen})

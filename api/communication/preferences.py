"""Endpoints of a user's preferences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request

from api.auth import Caller
from api.communication.fields import Flag, Switches, TimeOfDay, TimeOfDayText, UserIdText
from api.fields import Body
from api.routing import HEADERS, LeanRoute
from api.surface import Act, Read, may
from commands.communication.preferences import ResetPreferences, UpdatePreferences
from domain.communication.kinds import TriggerType
from domain.communication.preferences import DEFAULTS, Frequency, PreferenceChanges, Preferences, QuietHours
from domain.communication.recipient import PreferencesReset, PreferencesUpdated
from projections.communication.queries.preferences import current_preferences

router = APIRouter(route_class=LeanRoute, prefix="/api/communication/preferences", tags=["Preferences"])


CAN_BE_UNSET: tuple[Literal["time_zone", "quiet_hours"], ...] = ("time_zone", "quiet_hours")


class QuietHoursBody(Body):
    start: TimeOfDayText
    end: TimeOfDayText


class PreferencesBody(Body):
    """Every field is optional; switches are merged key by key. `time_zone` and `quiet_hours` are ours: null unsets
    them."""

    sms_enabled: Flag | None = None
    email_enabled: Flag | None = None
    preferred_sms_time: TimeOfDayText | None = None
    preferred_email_day: Annotated[int, Field(strict=True, ge=0, le=6)] | None = None
    alert_types_sms: Switches | None = None
    alert_types_email: Switches | None = None
    frequency_preference: Frequency | None = None
    user_segment: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    quiet_hours: QuietHoursBody | None = None


class QuietHoursShown(BaseModel):
    start: TimeOfDay
    end: TimeOfDay


class PreferencesShown(BaseModel):
    user_id: int
    sms_enabled: bool
    email_enabled: bool
    preferred_sms_time: TimeOfDay
    preferred_email_day: int
    alert_types_sms: dict[TriggerType, bool]
    alert_types_email: dict[TriggerType, bool]
    frequency_preference: Frequency
    user_segment: str
    time_zone: str
    quiet_hours: QuietHoursShown | None


class PreferencesAnswer(BaseModel):
    success: bool = True
    preferences: PreferencesShown


class PreferencesChanged(BaseModel):
    success: bool = True
    message: str
    preferences: PreferencesShown


def shown(user_id: int, preferences: Preferences) -> PreferencesShown:
    """Preferences in the document's form, with the quiet hours in force."""
    night = preferences.night
    fields: dict[str, Any] = preferences.model_dump(exclude={"chosen", "time_zone", "quiet_hours"})
    hours = None if night is None else QuietHoursShown(start=night.start, end=night.end)
    return PreferencesShown(user_id=user_id, time_zone=preferences.zone, quiet_hours=hours, **fields)


@router.get("/{user_id}")
async def get_preferences(
    user_id: UserIdText,
    caller: Annotated[Caller, may("preferences:manage", "communication:read")],
    reads: Read,
    request: Request,
) -> PreferencesAnswer:
    """A user's preferences; somebody never seen has the defaults. The ETag is for the If-Match of a change."""
    async with reads.connection() as connection:
        found = await current_preferences(connection, user_id)
    request.scope[HEADERS]["ETag"] = f'"{found.version}"'
    return PreferencesAnswer(preferences=shown(user_id, found.preferences))


@router.put("/{user_id}")
async def update_preferences(
    user_id: UserIdText,
    body: PreferencesBody,
    caller: Annotated[Caller, may("preferences:manage")],
    act: Act,
    reads: Read,
) -> PreferencesChanged:
    """Change what is given, keep the rest."""
    hours = body.quiet_hours
    given = body.model_dump(exclude={"quiet_hours"})
    night = None if hours is None else QuietHours(start=hours.start, end=hours.end)
    unset = tuple(name for name in CAN_BE_UNSET if name in body.model_fields_set and getattr(body, name) is None)
    changes = PreferenceChanges(**given, quiet_hours=night, unset=unset)
    outcome = await act.submit(UpdatePreferences(at=act.at, user_id=user_id, changes=changes))
    if outcome.events:
        preferences = outcome.only(PreferencesUpdated).preferences
    else:
        async with reads.connection() as connection:
            preferences = (await current_preferences(connection, user_id)).preferences
    return PreferencesChanged(message="Preferences updated successfully", preferences=shown(user_id, preferences))


@router.post("/{user_id}/reset")
async def reset_preferences(
    user_id: UserIdText, caller: Annotated[Caller, may("preferences:manage")], act: Act
) -> PreferencesChanged:
    """Back to the defaults."""
    outcome = await act.submit(ResetPreferences(at=act.at, user_id=user_id))
    preferences = outcome.only(PreferencesReset).preferences if outcome.events else DEFAULTS
    message = "Preferences reset to defaults successfully"
    return PreferencesChanged(message=message, preferences=shown(user_id, preferences))

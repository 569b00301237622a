"""Conditions of a flow: what they may ask about, and whether one holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from pydantic import JsonValue


class Facts(NamedTuple):
    """What conditions ask about."""

    profile: Mapping[str, JsonValue]
    channel_type: str
    language: str
    time_zone: str
    replied: bool
    rating: int | None


def holds(data: Mapping[str, Any], facts: Facts) -> bool:
    """Whether a condition holds: `field` (replied, rating, channel, language or a key of the profile) by `operator`."""
    asked = str(data.get("field", data.get("condition", "")))
    operator, wanted = str(data.get("operator", "")), data.get("value")
    if asked == "replied":
        return facts.replied if wanted is None else facts.replied is wanted
    found = _value(asked, facts)
    match operator:
        case "exists":
            return found is not None
        case "not_exists":
            return found is None
        case "not_equals":
            return not _equal(found, wanted)
        case "contains":
            return _contains(found, wanted)
        case "greater_than" | "less_than":
            return _compares(found, wanted, operator)
        case _:
            return _equal(found, wanted) if wanted is not None else found is not None


def _value(asked: str, facts: Facts) -> JsonValue:
    known: dict[str, JsonValue] = {
        "channel": facts.channel_type,
        "language": facts.language,
        "timezone": facts.time_zone,
        "rating": facts.rating,
    }
    if asked in known:
        return known[asked]
    found: JsonValue = dict(facts.profile)
    for part in asked.removeprefix("profile.").split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _equal(found: JsonValue, wanted: object) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    return type(found) is type(wanted) and found == wanted


def _contains(found: JsonValue, wanted: object) -> bool:
    if isinstance(found, list):
        return any(_equal(one, wanted) for one in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted.casefold() in found.casefold()


def _compares(found: JsonValue, wanted: object, operator: str) -> bool:
    if not is_number(found) or not is_number(wanted):
        return False
    return found > wanted if operator == "greater_than" else found < wanted


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number, which a truth value is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)

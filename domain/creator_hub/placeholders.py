"""Messages with placeholders: the member's name, and keys of the profile."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

NO_NAME = "there"
_PLACEHOLDER = re.compile(r"\{(user_name|profile\.[^{}\s]{1,100})\}")


def filled(template: str, profile: Mapping[str, JsonValue]) -> str:
    """The text with `{user_name}` and `{profile.<key>}` replaced, in one pass.

    All else stays as it is, and values are not looked through again. A key that the profile lacks is replaced by
    nothing; without a name the member is "there".
    """
    return _PLACEHOLDER.sub(lambda found: _value(found[1], profile), template)


def _value(placeholder: str, profile: Mapping[str, JsonValue]) -> str:
    if placeholder == "user_name":
        return shown(profile.get("name")) or NO_NAME
    return shown(profile.get(placeholder.removeprefix("profile.")))


def shown(value: JsonValue) -> str:
    """A value of a profile in a text: a list by commas, anything of more depth not at all."""
    match value:
        case str():
            return value
        case bool() | None:
            return "" if value is None else ("yes" if value else "no")
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case list():
            return ", ".join(one for one in map(shown, value) if one)
        case _:
            return ""

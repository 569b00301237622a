"""Reading of dates and times as RFC 3339 writes them, and ISO 8601 beyond it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_NOTATION = re.compile(r"[0-9W-]{4,10}([Tt ][0-9:.,]+([Zz]|[+-][0-9:.]+)?)?")
"""What Python's parser is asked about: it takes any character for the T, and some after the Z."""

_LEAP_SECOND = re.compile(r"(?<=[0-9]{2}:[0-9]{2}:)60")


def read_instant(text: str) -> datetime:
    """The instant, in UTC; raises ValueError. Without an offset it is UTC.

    A leap second, which Python has not, is the second after it. `T` and `Z` may be lower-case (section 5.6).
    """
    if _NOTATION.fullmatch(text) is None:
        raise ValueError("not a date and time")
    plain, leaps = _LEAP_SECOND.subn("59", text, count=1)
    try:
        found = datetime.fromisoformat(re.sub("z$", "Z", plain)) + timedelta(seconds=leaps)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None


def shown_instant(at: datetime) -> str:
    """An instant in UTC as the documents write it, in whole seconds: `2024-01-31T12:00:00Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

"""Retries of HTTP requests: whether one may be made, and after what time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from streams.core.calls import Deferred, Unknown

LONGEST = 86_400.0
"""Seconds. The longest wait, whatever time the provider names: one bad header must not park a message."""

PHASES = 4
"""Steps of a request with a time limit each: a free connection, connecting, TLS, the exchange.

A request that takes longer than all of them together has left, and its answer comes too slowly to matter.
"""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)

_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


def retry_after(headers: Mapping[str, str], now: datetime, name: str = "retry-after") -> float | None:
    """Seconds to wait by that header (RFC 9110 section 10.2.3: seconds or a date), None if it is absent or unreadable.

    A date is measured from the response's Date header, if there is one, so that the clocks need not agree.
    """
    value = headers.get(name, "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST)
    moment = _http_date(value)
    if moment is None:
        return None
    seconds = (moment - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(seconds, 0.0), LONGEST)


def unanswered(error: httpx2.RequestError | TimeoutError) -> Deferred | Unknown:
    """The verdict of a request without an answer: Deferred if it cannot have left this machine, else Unknown."""
    kind = type(error).__name__
    if isinstance(error, _NEVER_LEFT):
        return Deferred("unreachable", f"the provider could not be reached ({kind})")
    return Unknown(f"the request was sent and no answer came ({kind})")


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

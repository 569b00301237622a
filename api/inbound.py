"""Inbound reports of providers: signed over raw bytes, recorded once under the id that the provider gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson

from api.actions import Actions
from api.errors import ApiError
from domain.messages import Command
from streams.core.gateway import Pending, Unavailable, envelop

REPORTS = UUID("b0f6a1ae-6f0c-5a0e-8f5c-7a1d0c9c7a55")
"""The namespace of command ids of reports: a report that is delivered again is the same command."""

DEADLINE_SECONDS = 5.0
"""Seconds to wait for an outcome: Twilio waits 15, and a STOP takes two rounds. Later outcomes are recorded too."""

LONGEST = 500
"""The length in characters to which a value of a report is cut."""


async def record_report(actions: Actions, command: Command, provider: str, *source: str) -> None:
    """Record a report of `provider`; `source` identifies the report (without one, each delivery is a new command).

    Returns when it is recorded, refused, or at least in the log. Raises ApiError 503 while the log is unavailable.
    """
    id_ = uuid5(REPORTS, "\0".join((provider, *source))) if source else uuid4()
    await submit_report(actions, command, provider, id_, fresh=not source)


async def submit_report(actions: Actions, command: Command, provider: str, id_: UUID, *, fresh: bool = False) -> None:
    """Record a report under this command id, which is the same for every delivery unless it is `fresh`.

    Returns and raises as `record_report` does.
    """
    envelope = envelop(command, actions.surface, actions.partitions, f"provider:{provider}", id_, fresh=fresh)
    try:
        await actions.gateway.submit(envelope, DEADLINE_SECONDS)
    except Pending:
        return
    except Unavailable as error:
        raise unavailable() from error


def unavailable(details: str | None = None) -> ApiError:
    """A 503, after which the provider delivers the report again."""
    return ApiError(503, "Service unavailable", kind="Unavailable", details=details, headers={"Retry-After": "1"})


def invalid_signature(details: str | None = None) -> ApiError:
    """A 401 for a report that is not from the provider, or cannot be checked."""
    return ApiError(401, "Invalid signature", kind="InvalidSignature", details=details)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; raises ApiError 400 for anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "Invalid body: must be a JSON object", kind="InvalidInput")
    return found


def text_in(values: Mapping[str, Any], name: str) -> str:
    """A value as text, cut to `LONGEST`, empty if absent; raises ApiError 400 for a type other than text or integer."""
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ApiError(400, f"Invalid {name}: must be a string", kind="InvalidInput")
    return str(value).replace("\0", "")[:LONGEST]


def needed_in(values: Mapping[str, Any], name: str) -> str:
    """A text that must be present and not empty; raises ApiError 400."""
    found = text_in(values, name)
    if not found:
        raise _missing(name)
    return found


def given_in(values: Mapping[str, Any], name: str) -> str:
    """A text that must be present and may be empty, as in a message with only a picture; raises ApiError 400."""
    if values.get(name) is None:
        raise _missing(name)
    return text_in(values, name)


def detail_in(values: Mapping[str, Any], *path: str) -> str:
    """A detail at this path, cut to `LONGEST`; empty if it is absent or of another type: a report counts without it."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).replace("\0", "")[:LONGEST]


def _missing(name: str) -> ApiError:
    return ApiError(400, f"Missing required field: {name}", kind="InvalidInput")

"""Inbound reports of providers: checked by signature over raw bytes, recorded once under the source's own id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson

from api.actions import Acting
from api.errors import ApiError
from domain.messages import Command
from streams.core.gateway import Pending, Unavailable, envelop

REPORTS = UUID("b0f6a1ae-6f0c-5a0e-8f5c-7a1d0c9c7a55")
"""Namespace of the command ids of reports: the same report is the same command, however often it is delivered."""

DEADLINE_SECONDS = 5.0
"""Twilio waits 15 seconds, and a STOP takes two rounds. What is not answered by then is in the log all the same."""

LONGEST = 500
"""Characters of a report's value that are kept."""


async def record_report(acting: Acting, command: Command, provider: str, *source: str) -> None:
    """Records a report of `provider`; `source` identifies it among them (without any, it is new every time).

    Returns when it is recorded, refused, or at least in the log. Raises ApiError 503 when the log is away.
    """
    id_ = uuid5(REPORTS, "\0".join((provider, *source))) if source else uuid4()
    envelope = envelop(command, acting.surface, acting.partitions, f"provider:{provider}", id_, fresh=not source)
    try:
        await acting.gateway.submit(envelope, DEADLINE_SECONDS)
    except Pending:
        return
    except Unavailable as unavailable:
        raise away() from unavailable


def away(details: str | None = None) -> ApiError:
    """503: the provider delivers the report again."""
    return ApiError(503, "Service unavailable", kind="Unavailable", details=details, headers={"Retry-After": "1"})


def invalid_signature(details: str | None = None) -> ApiError:
    """401: the report is not from the provider, or cannot be checked."""
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
    """A value as text, cut where it is too long to matter; raises ApiError 400 for what is no text or number."""
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ApiError(400, f"Invalid {name}: must be a string", kind="InvalidInput")
    return str(value).replace("\0", "")[:LONGEST]


def needed_in(values: Mapping[str, Any], name: str) -> str:
    """A text that must be there and not be empty; raises ApiError 400."""
    found = text_in(values, name)
    if not found:
        raise _missing(name)
    return found


def given_in(values: Mapping[str, Any], name: str) -> str:
    """A text that must be there and may be empty: a picture comes without a word. Raises ApiError 400."""
    if values.get(name) is None:
        raise _missing(name)
    return text_in(values, name)


def _missing(name: str) -> ApiError:
    return ApiError(400, f"Missing required field: {name}", kind="InvalidInput")

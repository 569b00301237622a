"""Results and errors of a run as the document shows them: one form for reads and webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.content_generator.kinds import Channel
from domain.content_generator.sync_job import ChannelError, ChannelResult


def shown_time(at: datetime) -> str:
    """A time as the document writes it, with milliseconds only where there are any."""
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond // 1000:03}Z" if at.microsecond >= 1000 else "Z")


def shown_results(results: Mapping[Channel, ChannelResult]) -> dict[str, dict[str, Any]]:
    """Results by channel, without the fields that a channel does not have."""
    return {channel.value: result.model_dump(exclude_none=True) for channel, result in results.items()}


def shown_errors(errors: Sequence[ChannelError]) -> list[dict[str, Any]]:
    return [error.model_dump(mode="json") | {"at": shown_time(error.at)} for error in errors]

"""Forgetting what the sandbox keeps of a person who was erased."""

from __future__ import annotations

from collections.abc import Sequence

from domain.messages import Event, Refused, Reply, Result
from streams.core.wiring import Nothing


class StillThere(Refused, name="communication.still_there", formerly="StillThere"):
    """The files could not be removed; somebody has to."""


class RecordForgotten(Reply, name="communication.outbox.record_forgotten.v1", key="erased"):
    """What became of it. Nothing is recorded but the outcome, and StillThere where it failed for good."""

    erased: str


def record_forgotten(command: RecordForgotten, _state: Nothing) -> Sequence[Event]:
    if command.attempt is not None and command.attempt.result is Result.REJECTED:
        raise StillThere(f"messages to {command.erased} are still in the outbox: {command.attempt.reason}")
    return []

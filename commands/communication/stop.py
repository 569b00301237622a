"""A STOP by text: its record, and the search for its senders."""

from __future__ import annotations

from collections.abc import Sequence

from domain.communication.stop import SendersFound, Stop, StopHeard
from domain.messages import Command, Event, Reply, Result


class HearStop(Command, name="communication.stop.hear.v1", key="stop_id"):
    """Record a STOP. Each partition gets one; the fields are those of StopHeard."""

    stop_id: str
    mark: str
    told: tuple[int, ...]
    partitions: int


class RecordSenders(Reply, name="communication.stop.record_senders.v1", key="stop_id"):
    """Record the users of this partition with the number: `user_ids` of the attempt's output."""

    stop_id: str


def hear(command: HearStop, stop: Stop) -> Sequence[Event]:
    return [] if stop.heard is not None else [StopHeard(**command.model_dump(), said_at=command.at)]


def record_senders(command: RecordSenders, stop: Stop) -> Sequence[Event]:
    attempt, heard = command.attempt, stop.heard
    if attempt is None or heard is None or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED:  # given up without a result: search again
        return [heard.model_copy(update={"at": command.at, "round": heard.round + 1})]
    user_ids = (attempt.output or {})["user_ids"]
    if not user_ids:
        return []
    return [SendersFound(at=command.at, stop_id=command.stop_id, user_ids=user_ids, said_at=heard.said_at)]

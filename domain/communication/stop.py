"""A STOP that came in by text, kept until every recipient with its number has opted out.

The owners of a number are found in a read model, which may lag behind the log or have halted. So a STOP is recorded
once in each partition, and its recipients there are searched as soon as the read model has passed that record.
"""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Instant


class StopHeard(Event, name="communication.stop.heard.v1"):
    """A STOP from the number behind `mark`, a hash that only this installation can make; the number is not stored.

    `told` are the users opted out before this record, `partitions` is the number of partitions that share the search.
    `round` grows with every search that was given up and begins again. `said_at` is the time of the text: a later word
    of a sender outweighs it.
    """

    stop_id: str
    mark: str
    told: tuple[int, ...]
    partitions: int
    round: int = 1
    said_at: Instant | None = None


class SendersFound(Event, name="communication.stop.senders_found.v1"):
    """The users of the partition who have the number and are not opted out yet."""

    stop_id: str
    user_ids: tuple[int, ...]
    said_at: Instant | None = None


StopEvent = StopHeard | SendersFound


class Stop(BaseModel):
    """The latest record of the STOP; None before the first."""

    model_config = ConfigDict(frozen=True)

    heard: StopHeard | None = None


def evolve(stop: Stop, event: StopEvent) -> Stop:
    """The STOP after the event."""
    match event:
        case StopHeard():
            return Stop(heard=event)
        case SendersFound():
            return stop
        case _:
            assert_never(event)

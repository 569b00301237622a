"""A STOP that came in by text, kept until everybody who had given its number has opted out.

Whose number it is says a read model, which may lag behind the log or have halted. So a STOP is put on record once in
each partition: whoever lives there is looked for as soon as the read model has come past it, and nobody is missed.
"""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class StopHeard(Event, name="communication.stop.heard.v1"):
    """STOP from the number behind `mark`, a hash that only this installation can make; the number stands nowhere.

    `told` are the people who were opted out before this was recorded, `partitions` how many share the search. `round`
    grows when a search had to be given up, and is begun again.
    """

    stop_id: str
    mark: str
    told: tuple[int, ...]
    partitions: int
    round: int = 1


class SendersFound(Event, name="communication.stop.senders_found.v1"):
    """These people of the partition have the number, and were not told."""

    stop_id: str
    user_ids: tuple[int, ...]


StopEvent = StopHeard | SendersFound


class Stop(BaseModel):
    """The STOP as it was heard last, None before."""

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

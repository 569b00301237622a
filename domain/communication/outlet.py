"""Where others are told what becomes of messages: endpoints of webhooks, registered by whoever runs the installation.

Delivering, retrying and disabling are those of `domain.webhooks`, under the same key. The address stands in the log in
clear, so nothing secret belongs into it: receivers know us by the signature.
"""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.communication.message import (
    ActionTaken,
    DeliveryEvent,
    MessageClicked,
    MessageDelivered,
    MessageOpened,
    MessageRejected,
    MessageRetried,
    MessageSent,
    MessageUnconfirmed,
    MessageUndelivered,
)
from domain.messages import Event

TOLD: tuple[type[DeliveryEvent], ...] = (
    MessageSent,
    MessageRetried,
    MessageUnconfirmed,
    MessageRejected,
    MessageDelivered,
    MessageUndelivered,
    MessageOpened,
    MessageClicked,
    ActionTaken,
)

TYPES = {event.name: ".".join(event.name.split(".")[1:3]) for event in TOLD}
"""What a webhook calls each event that it may tell: `message.delivered` for `communication.message.delivered.v1`."""


class OutletRegistered(Event, name="communication.outlet.registered.v1"):
    """From here on the endpoint is told every event of these types (as in TYPES)."""

    endpoint_id: str
    url: str
    types: tuple[str, ...]


class OutletTold(Event, name="communication.outlet.told.v1"):
    """Everything up to this sequence of a partition has been queued for the endpoint."""

    endpoint_id: str
    partition: int
    sequence: int


OutletEvent = OutletRegistered | OutletTold


class Outlet(BaseModel):
    """`told` is how far each partition has been told."""

    model_config = ConfigDict(frozen=True)

    url: str = ""
    types: tuple[str, ...] = ()
    told: dict[int, int] = {}


def evolve(outlet: Outlet, event: OutletEvent) -> Outlet:
    """The outlet after the event."""
    match event:
        case OutletRegistered():
            return outlet.model_copy(update={"url": event.url, "types": event.types})
        case OutletTold():
            return outlet.model_copy(update={"told": outlet.told | {event.partition: event.sequence}})
        case _:
            assert_never(event)

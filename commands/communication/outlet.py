"""Registering endpoints of webhooks, and keeping count of what they have been told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.communication.outlet import Outlet, OutletRegistered, OutletTold
from domain.messages import Command, Event
from domain.webhooks import Health, WebhookEndpoint, WebhookEndpointConfigured, WebhookEndpointEnabled


class RegisterOutlet(Command, name="communication.outlet.register.v1", key="endpoint_id"):
    """Tell this address events of these types from now on. Registered again, a disabled endpoint is enabled.

    `origin` and `fingerprint` are as in `domain.webhooks.WebhookEndpointConfigured`.
    """

    endpoint_id: str
    url: str
    types: tuple[str, ...]
    origin: str
    fingerprint: str


class RecordTold(Command, name="communication.outlet.record_told.v1", key="endpoint_id"):
    """Everything up to this sequence of a partition has been queued."""

    endpoint_id: str
    partition: int
    sequence: int


def register(command: RegisterOutlet, outlet: Outlet, endpoint: WebhookEndpoint) -> Sequence[Event]:
    about: dict[str, Any] = {"at": command.at, "endpoint_id": command.endpoint_id}
    events: list[Event] = []
    if (outlet.url, outlet.types) != (command.url, command.types):
        events.append(OutletRegistered(**about, url=command.url, types=command.types))
    if endpoint.fingerprint != command.fingerprint:
        events.append(WebhookEndpointConfigured(**about, origin=command.origin, fingerprint=command.fingerprint))
    elif endpoint.health is Health.DISABLED:
        events.append(WebhookEndpointEnabled(**about))
    return events


def record_told(command: RecordTold, outlet: Outlet) -> Sequence[Event]:
    if command.sequence <= outlet.told.get(command.partition, 0):
        return []
    return [OutletTold(**command.model_dump())]

"""The endpoints of outgoing webhooks: configuration, registration, state, and the feed's cursors."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from domain.messages import Command, Event
from domain.webhooks import (
    Health,
    WebhookCursorMoved,
    WebhookEndpoint,
    WebhookEndpointConfigured,
    WebhookEndpointDisabled,
    WebhookEndpointEnabled,
    WebhookEndpointEvent,
    WebhookEndpointFailing,
    WebhookEndpointRecovered,
    WebhookEndpointRegistered,
    WebhookRegistration,
    WebhookRegistrationEvent,
    evolve_endpoint,
    evolve_registration,
)
from streams.core.wiring import Handler, Stream


class ConfigureWebhookEndpoint(Command, name="webhooks.webhook_endpoint.configure.v1", key="endpoint_id"):
    """Configure an endpoint; submitted at every start. A new fingerprint is a new configuration, and enables it."""

    endpoint_id: str
    origin: str
    fingerprint: str


class DisableWebhookEndpoint(Command, name="webhooks.webhook_endpoint.disable.v1", key="endpoint_id"):
    endpoint_id: str
    reason: str


class EnableWebhookEndpoint(Command, name="webhooks.webhook_endpoint.enable.v1", key="endpoint_id"):
    endpoint_id: str


class RegisterWebhookEndpoint(Command, name="webhooks.outlet.register.v1", key="endpoint_id"):
    """Send events of these types to this endpoint from now on. A repeated registration enables a disabled endpoint.

    `url`, `origin` and `fingerprint` are as in the events `WebhookEndpointRegistered` and `WebhookEndpointConfigured`.
    """

    endpoint_id: str
    url: str
    types: tuple[str, ...]
    origin: str
    fingerprint: str


class MoveWebhookCursor(Command, name="webhooks.outlet.record_told.v1", key="endpoint_id"):
    """Record that every event of a partition up to this sequence has been queued for the endpoint."""

    endpoint_id: str
    partition: int
    sequence: int


def configure(command: ConfigureWebhookEndpoint, endpoint: WebhookEndpoint) -> Sequence[WebhookEndpointEvent]:
    if endpoint.fingerprint == command.fingerprint:
        return []
    return [WebhookEndpointConfigured(**command.model_dump())]


def disable(command: DisableWebhookEndpoint, endpoint: WebhookEndpoint) -> Sequence[WebhookEndpointEvent]:
    return [WebhookEndpointDisabled(**command.model_dump())] if endpoint.health is Health.ENABLED else []


def enable(command: EnableWebhookEndpoint, endpoint: WebhookEndpoint) -> Sequence[WebhookEndpointEvent]:
    return [WebhookEndpointEnabled(**command.model_dump())] if endpoint.health is Health.DISABLED else []


def register(
    command: RegisterWebhookEndpoint, registration: WebhookRegistration, endpoint: WebhookEndpoint
) -> Sequence[Event]:
    at, id_, events = command.at, command.endpoint_id, list[Event]()
    if (registration.url, registration.types) != (command.url, command.types):
        events.append(WebhookEndpointRegistered(at=at, endpoint_id=id_, url=command.url, types=command.types))
    if endpoint.fingerprint != command.fingerprint:
        origin, fingerprint = command.origin, command.fingerprint
        events.append(WebhookEndpointConfigured(at=at, endpoint_id=id_, origin=origin, fingerprint=fingerprint))
    elif endpoint.health is Health.DISABLED:
        events.append(WebhookEndpointEnabled(at=at, endpoint_id=id_))
    return events


def move_cursor(command: MoveWebhookCursor, registration: WebhookRegistration) -> Sequence[WebhookRegistrationEvent]:
    if command.sequence <= registration.cursors.get(command.partition, 0):
        return []
    return [WebhookCursorMoved(**command.model_dump())]


WEBHOOK_ENDPOINT = Stream("webhook_endpoint", WebhookEndpoint(), evolve_endpoint, id_of=attrgetter("endpoint_id"))
REGISTRATION = Stream("outlet", WebhookRegistration(), evolve_registration, id_of=attrgetter("endpoint_id"))

ENDPOINT_EVENTS = (
    WebhookEndpointConfigured,
    WebhookEndpointFailing,
    WebhookEndpointRecovered,
    WebhookEndpointDisabled,
    WebhookEndpointEnabled,
    WebhookEndpointRegistered,
    WebhookCursorMoved,
)

ENDPOINT_HANDLERS = (
    Handler(ConfigureWebhookEndpoint, decide=configure, writes=WEBHOOK_ENDPOINT),
    Handler(DisableWebhookEndpoint, decide=disable, writes=WEBHOOK_ENDPOINT),
    Handler(EnableWebhookEndpoint, decide=enable, writes=WEBHOOK_ENDPOINT),
    Handler(RegisterWebhookEndpoint, decide=register, writes=REGISTRATION, reads=(WEBHOOK_ENDPOINT,)),
    Handler(MoveWebhookCursor, decide=move_cursor, writes=REGISTRATION),
)

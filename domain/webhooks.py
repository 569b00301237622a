"""Outgoing webhooks: a message to an endpoint, tried in rounds; the endpoint's health; its registration.

Every context may use them: the events name their data subject in full, and an endpoint shares its partition with all
messages to it. Secrets stay out of the log, and so does the address of an endpoint that is a setting. The address of a
registered endpoint is logged in clear, so it must hold no secret: receivers recognise us by the signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Instant, Personal


class OfWebhook(Event, subject="data_subject"):
    """An event of one webhook. Receivers know repeats by `webhook_id`.

    `data_subject` is the body's (`context:id`); "" for a body that is about nobody, which is stored in clear.
    """

    subject_in_full = True
    endpoint_id: str
    webhook_id: str
    data_subject: str


class _WithBody(OfWebhook):
    event_type: str
    body: Personal[str]


class WebhookQueued(_WithBody, name="webhooks.webhook.queued.v1"):
    """The webhook is due. `round` counts from 1; each round consists of a few attempts within minutes."""

    round: int


class WebhookHeld(_WithBody, name="webhooks.webhook.held.v1"):
    """The endpoint is disabled, so the webhook waits to be recovered. `round` is the last one, 0 if none."""

    round: int


class WebhookAttemptFailed(OfWebhook, name="webhooks.webhook.attempt_failed.v1"):
    """A failed attempt of a round; the next one follows at `retry_at`."""

    round: int
    attempt: int
    code: str
    reason: str
    retry_at: Instant


class WebhookPutOff(OfWebhook, name="webhooks.webhook.put_off.v1"):
    """A failed round; the next one begins at `resume_at`."""

    round: int
    attempt: int
    code: str
    reason: str
    resume_at: Instant


class WebhookDelivered(OfWebhook, name="webhooks.webhook.delivered.v1"):
    round: int
    attempt: int


class WebhookFailed(OfWebhook, name="webhooks.webhook.failed.v1"):
    """The webhook is given up. It can be recovered all the same."""

    round: int
    attempt: int
    code: str
    reason: str


WebhookEvent = WebhookQueued | WebhookHeld | WebhookAttemptFailed | WebhookPutOff | WebhookDelivered | WebhookFailed


class OfEndpoint(Event):
    endpoint_id: str


class WebhookEndpointConfigured(OfEndpoint, name="webhooks.webhook_endpoint.configured.v1"):
    """A new configuration. `origin` is the address without path and query; `fingerprint` identifies the whole."""

    origin: str
    fingerprint: str


class WebhookEndpointFailing(OfEndpoint, name="webhooks.webhook_endpoint.failing.v1"):
    """The first failure: from here on, until it recovers, no message has got through."""


class WebhookEndpointRecovered(OfEndpoint, name="webhooks.webhook_endpoint.recovered.v1"):
    pass


class WebhookEndpointDisabled(OfEndpoint, name="webhooks.webhook_endpoint.disabled.v1"):
    reason: str


class WebhookEndpointEnabled(OfEndpoint, name="webhooks.webhook_endpoint.enabled.v1"):
    pass


WebhookEndpointEvent = (
    WebhookEndpointConfigured
    | WebhookEndpointFailing
    | WebhookEndpointRecovered
    | WebhookEndpointDisabled
    | WebhookEndpointEnabled
)


class WebhookEndpointRegistered(OfEndpoint, name="webhooks.outlet.registered.v1"):
    """The endpoint receives every event of these types from here on.

    `url` is empty for an endpoint that is a setting: its address stays out of the log.
    """

    url: str
    types: tuple[str, ...]


class WebhookCursorMoved(OfEndpoint, name="webhooks.outlet.told.v1"):
    """The cursor of a partition: its events up to this sequence have been queued for the endpoint."""

    partition: int
    sequence: int


WebhookRegistrationEvent = WebhookEndpointRegistered | WebhookCursorMoved


class WebhookPhase(StrEnum):
    ABSENT = "absent"
    QUEUED = "queued"
    PUT_OFF = "put_off"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(BaseModel):
    """The state of a webhook. `heard` is the last recorded attempt of this round."""

    model_config = ConfigDict(frozen=True)

    phase: WebhookPhase = WebhookPhase.ABSENT
    data_subject: str = ""
    event_type: str = ""
    body: str | None = None
    round: int = 0
    heard: int = 0


def evolve(webhook: Webhook, event: WebhookEvent) -> Webhook:
    match event:
        case WebhookQueued():
            return _with_body(event, WebhookPhase.QUEUED)
        case WebhookHeld():
            return _with_body(event, WebhookPhase.HELD)
        case WebhookAttemptFailed():
            return webhook.model_copy(update={"heard": event.attempt})
        case WebhookPutOff():
            return webhook.model_copy(update={"phase": WebhookPhase.PUT_OFF})
        case WebhookDelivered():
            return webhook.model_copy(update={"phase": WebhookPhase.DELIVERED, "body": None})
        case WebhookFailed():
            return webhook.model_copy(update={"phase": WebhookPhase.FAILED})
        case _:
            assert_never(event)


def _with_body(event: WebhookQueued | WebhookHeld, phase: WebhookPhase) -> Webhook:
    return Webhook(
        phase=phase, data_subject=event.data_subject, event_type=event.event_type, body=event.body, round=event.round
    )


class Health(StrEnum):
    ABSENT = "absent"
    ENABLED = "enabled"
    DISABLED = "disabled"


class WebhookEndpoint(BaseModel):
    """The health of an endpoint. `failing_since` is None while messages get through."""

    model_config = ConfigDict(frozen=True)

    health: Health = Health.ABSENT
    fingerprint: str = ""
    failing_since: datetime | None = None


def evolve_endpoint(endpoint: WebhookEndpoint, event: WebhookEndpointEvent) -> WebhookEndpoint:
    match event:
        case WebhookEndpointConfigured():
            return WebhookEndpoint(health=Health.ENABLED, fingerprint=event.fingerprint)
        case WebhookEndpointFailing():
            return endpoint.model_copy(update={"failing_since": event.at})
        case WebhookEndpointRecovered():
            return endpoint.model_copy(update={"failing_since": None})
        case WebhookEndpointDisabled():
            return endpoint.model_copy(update={"health": Health.DISABLED})
        case WebhookEndpointEnabled():
            return endpoint.model_copy(update={"health": Health.ENABLED, "failing_since": None})
        case _:
            assert_never(event)


class WebhookRegistration(BaseModel):
    """The registration of an endpoint. `cursors` holds the last sequence queued, by partition."""

    model_config = ConfigDict(frozen=True)

    url: str = ""
    types: tuple[str, ...] = ()
    cursors: dict[int, int] = {}


def evolve_registration(registration: WebhookRegistration, event: WebhookRegistrationEvent) -> WebhookRegistration:
    match event:
        case WebhookEndpointRegistered():
            return registration.model_copy(update={"url": event.url, "types": event.types})
        case WebhookCursorMoved():
            return registration.model_copy(update={"cursors": registration.cursors | {event.partition: event.sequence}})
        case _:
            assert_never(event)


class FeedEvent(NamedTuple):
    """A recorded event for the feed. `body` is its stored JSON, with personal values encrypted but for remarks."""

    context: str
    partition: int
    sequence: int
    event_id: UUID
    correlation_id: UUID
    name: str
    at: datetime
    body: Mapping[str, object]

    @property
    def position(self) -> str:
        return f"{self.context}/{self.partition}/{self.sequence}"


class WebhookContent(NamedTuple):
    """The webhook about one event: its data subject (`context:id`), and the exact JSON text to send."""

    data_subject: str
    body: str

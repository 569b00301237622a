"""The delivery of webhooks, in rounds. An endpoint that accepts none for days is disabled.

A round is one outside call, which the engine tries a few times within minutes. Rounds follow the schedule of Standard
Webhooks. Every failure but a permanent one leads to another round, as receivers recover.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, TypedDict

from commands.webhook_endpoints import ENDPOINT_EVENTS, ENDPOINT_HANDLERS, WEBHOOK_ENDPOINT
from domain.calls.webhook import ERASED, GONE, NOT_CONFIGURED, DeliverWebhook
from domain.messages import Attempt, Command, Event, Personal, Refused, Reply, Result
from domain.webhooks import (
    Health,
    Webhook,
    WebhookAttemptFailed,
    WebhookDelivered,
    WebhookEndpoint,
    WebhookEndpointDisabled,
    WebhookEndpointEvent,
    WebhookEndpointFailing,
    WebhookEndpointRecovered,
    WebhookEvent,
    WebhookFailed,
    WebhookHeld,
    WebhookPhase,
    WebhookPutOff,
    WebhookQueued,
    evolve,
)
from streams.core.envelope import Recorded
from streams.core.names import Upcast, unchanged
from streams.core.wiring import Call, Handler, Later, Stream, Task

PAUSES = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pauses between rounds, from the schedule that Standard Webhooks suggests."""

DISABLED_AFTER = timedelta(days=5)
"""The time without any delivery after which an endpoint is disabled."""

_PERMANENT = frozenset({GONE, NOT_CONFIGURED, ERASED})


class WebhookNotFound(Refused, name="webhooks.webhook_not_found", formerly="WebhookNotFound"):
    """No webhook with this id was queued or held."""


class EndpointNotEnabled(Refused, name="webhooks.endpoint_not_enabled", formerly="EndpointNotEnabled"):
    """The endpoint is unknown or disabled, so nothing is sent to it."""


class _OfWebhook(Command, subject="data_subject"):
    """A command about one webhook. It names the body's data subject (`context:id`), so that its key is loaded."""

    subject_in_full = True
    endpoint_id: str
    webhook_id: str
    data_subject: str


class QueueWebhook(_OfWebhook, name="webhooks.webhook.queue.v1", key="endpoint_id"):
    """Queue a webhook. `webhook_id` identifies its content, so that repeats have the same, and contains no dot."""

    event_type: str
    body: Personal[str]


class ResumeWebhook(_OfWebhook, name="webhooks.webhook.resume.v1", key="endpoint_id"):
    """Begin the next round after `round`, which failed."""

    round: int


class RecoverWebhook(_OfWebhook, name="webhooks.webhook.recover.v1", key="endpoint_id"):
    """Begin another round for a webhook that failed or was held; a delivered one stays delivered."""


class RecordDelivery(_OfWebhook, Reply, name="webhooks.webhook.record_delivery.v1", key="endpoint_id"):
    round: int


def queue(command: QueueWebhook, webhook: Webhook, endpoint: WebhookEndpoint) -> Sequence[WebhookEvent]:
    if webhook.phase is not WebhookPhase.ABSENT or endpoint.health is Health.ABSENT:
        return []
    if endpoint.health is Health.DISABLED:
        return [WebhookHeld(**command.model_dump(), round=0)]
    return [WebhookQueued(**command.model_dump(), round=1)]


def resume(command: ResumeWebhook, webhook: Webhook, endpoint: WebhookEndpoint) -> Sequence[WebhookEvent]:
    if webhook.phase is not WebhookPhase.PUT_OFF or webhook.round != command.round:
        return []
    if endpoint.health is Health.DISABLED:
        return [_held(command, webhook)]
    return [_queued(command, webhook)]


def recover(command: RecoverWebhook, webhook: Webhook, endpoint: WebhookEndpoint) -> Sequence[WebhookEvent]:
    if webhook.phase is WebhookPhase.ABSENT:
        raise WebhookNotFound(f"there is no webhook {command.webhook_id}")
    if webhook.phase not in (WebhookPhase.HELD, WebhookPhase.FAILED):
        return []
    if endpoint.health is not Health.ENABLED:
        raise EndpointNotEnabled(f"the endpoint {command.endpoint_id} is {endpoint.health}")
    return [_queued(command, webhook)]


def record(
    command: RecordDelivery, webhook: Webhook, endpoint: WebhookEndpoint
) -> Sequence[WebhookEvent | WebhookEndpointEvent]:
    attempt = command.attempt
    if attempt is None or webhook.phase is not WebhookPhase.QUEUED:
        return []
    if command.round != webhook.round or attempt.number <= webhook.heard:
        return []
    if attempt.result is Result.ACCEPTED:
        return [WebhookDelivered(**_attempted(command, webhook, attempt)), *_recovered(command, endpoint)]
    failure = _failure(command, webhook, attempt)
    if attempt.retry_at is not None:
        return [WebhookAttemptFailed(**failure, retry_at=attempt.retry_at)]
    return [*_round_over(command, webhook, endpoint, failure), *_failing(command, endpoint, failure["code"])]


def _round_over(
    command: RecordDelivery, webhook: Webhook, endpoint: WebhookEndpoint, failure: _Failure
) -> Iterator[WebhookEvent]:
    if failure["code"] in _PERMANENT or webhook.round > len(PAUSES):
        yield WebhookFailed(**failure)
    elif endpoint.health is Health.DISABLED:
        yield _held(command, webhook)
    else:
        yield WebhookPutOff(**failure, resume_at=command.at + PAUSES[webhook.round - 1])


def _failing(command: RecordDelivery, endpoint: WebhookEndpoint, code: str) -> Iterator[WebhookEndpointEvent]:
    if endpoint.health is not Health.ENABLED or code == ERASED:
        return
    at, endpoint_id, since = command.at, command.endpoint_id, endpoint.failing_since
    if code == GONE:
        reason = "the receiver answered 410: it wants no more webhooks"
        yield WebhookEndpointDisabled(at=at, endpoint_id=endpoint_id, reason=reason)
    elif since is None:
        yield WebhookEndpointFailing(at=at, endpoint_id=endpoint_id)
    elif at - since >= DISABLED_AFTER:
        reason = f"nothing got through for {DISABLED_AFTER.days} days"
        yield WebhookEndpointDisabled(at=at, endpoint_id=endpoint_id, reason=reason)


def _recovered(command: RecordDelivery, endpoint: WebhookEndpoint) -> Iterator[WebhookEndpointEvent]:
    if endpoint.failing_since is not None:
        yield WebhookEndpointRecovered(at=command.at, endpoint_id=command.endpoint_id)


class _Attempted(TypedDict):
    """The fields that the events of an attempt share."""

    at: datetime
    endpoint_id: str
    webhook_id: str
    data_subject: str
    round: int
    attempt: int


class _Failure(_Attempted):
    code: str
    reason: str


def _attempted(command: RecordDelivery, webhook: Webhook, attempt: Attempt) -> _Attempted:
    return {
        "at": command.at,
        "endpoint_id": command.endpoint_id,
        "webhook_id": command.webhook_id,
        "data_subject": webhook.data_subject,
        "round": command.round,
        "attempt": attempt.number,
    }


def _failure(command: RecordDelivery, webhook: Webhook, attempt: Attempt) -> _Failure:
    return {**_attempted(command, webhook, attempt), "code": attempt.code or "unknown", "reason": attempt.reason}


def _queued(command: ResumeWebhook | RecoverWebhook, webhook: Webhook) -> WebhookQueued:
    return WebhookQueued(
        at=command.at,
        endpoint_id=command.endpoint_id,
        webhook_id=command.webhook_id,
        data_subject=webhook.data_subject,
        event_type=webhook.event_type,
        body=webhook.body,
        round=webhook.round + 1,
    )


def _held(command: ResumeWebhook | RecordDelivery, webhook: Webhook) -> WebhookHeld:
    return WebhookHeld(
        at=command.at,
        endpoint_id=command.endpoint_id,
        webhook_id=command.webhook_id,
        data_subject=webhook.data_subject,
        event_type=webhook.event_type,
        body=webhook.body,
        round=webhook.round,
    )


def react(event: Recorded[Event]) -> Iterator[Task]:
    match event.fact:
        case WebhookQueued() as queued:
            effect = DeliverWebhook(**queued.model_dump(exclude={"at", "round"}))
            yield Call(effect, RecordDelivery(**_round_of(queued)))
        case WebhookPutOff() as put_off:
            yield Later(put_off.resume_at, ResumeWebhook(**_round_of(put_off)))


def _round_of(event: WebhookQueued | WebhookPutOff) -> dict[str, Any]:
    return event.model_dump(include={"at", "endpoint_id", "webhook_id", "data_subject", "round"})


WEBHOOK = Stream("webhook", Webhook(), evolve, id_of=attrgetter("webhook_id"))

WEBHOOK_EVENTS = (
    WebhookQueued,
    WebhookHeld,
    WebhookAttemptFailed,
    WebhookPutOff,
    WebhookDelivered,
    WebhookFailed,
    *ENDPOINT_EVENTS,
)

WEBHOOK_REFUSALS = (WebhookNotFound, EndpointNotEnabled)
WEBHOOK_HANDLERS = (
    *ENDPOINT_HANDLERS,
    Handler(QueueWebhook, decide=queue, writes=WEBHOOK, reads=(WEBHOOK_ENDPOINT,)),
    Handler(ResumeWebhook, decide=resume, writes=WEBHOOK, reads=(WEBHOOK_ENDPOINT,)),
    Handler(RecoverWebhook, decide=recover, writes=WEBHOOK, reads=(WEBHOOK_ENDPOINT,)),
    Handler(RecordDelivery, decide=record, writes=WEBHOOK, reads=(WEBHOOK_ENDPOINT,)),
)
"""The handlers that a context with webhooks adds to its own, along with `react` and the effect DeliverWebhook."""

WEBHOOK_UPCASTS: Mapping[str, tuple[str, Upcast]] = {
    "communication.outlet.registered.v1": ("webhooks.outlet.registered.v1", unchanged),
    "communication.outlet.told.v1": ("webhooks.outlet.told.v1", unchanged),
    "communication.outlet.register.v1": ("webhooks.outlet.register.v1", unchanged),
    "communication.outlet.record_told.v1": ("webhooks.outlet.record_told.v1", unchanged),
}
"""Upcasts of the names from when only communication registered endpoints."""

"""The delivery of a webhook, as an effect."""

from __future__ import annotations

from domain.messages import Effect, Personal


class DeliverWebhook(Effect, name="deliver_webhook.v1", subject="data_subject"):
    """One webhook to deliver. `body` is the exact JSON text to send and sign; None once its data subject was erased.

    `webhook_id` is the same for every attempt. `endpoint_id` names a destination in the connector's configuration.
    """

    subject_in_full = True
    data_subject: str
    endpoint_id: str
    webhook_id: str
    event_type: str
    body: Personal[str]


GONE = "http_410"
"""The code for a receiver that wants no more webhooks."""

NOT_CONFIGURED = "not_configured"
"""The code for an endpoint id without a configured destination."""

ERASED = "erased"
"""The code for an erased body."""

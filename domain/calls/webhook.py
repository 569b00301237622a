"""A webhook to be delivered, as data."""

from __future__ import annotations

from domain.messages import Effect, Personal


class DeliverWebhook(Effect, name="deliver_webhook.v1", subject="data_subject"):
    """`body` is the exact JSON text that is sent and signed; None once the person it is about was erased.

    `webhook_id` is the same for every attempt. `endpoint_id` names a destination that the connector is configured with.
    """

    data_subject: str
    endpoint_id: str
    webhook_id: str
    event_type: str
    body: Personal[str]

    @property
    def subject(self) -> str:
        """The data subject in full, `context:id`."""
        return self.data_subject


GONE = "http_410"
"""The code of a receiver that asks for no more webhooks."""

NOT_CONFIGURED = "not_configured"
"""The code when no destination is configured under that id."""

ERASED = "erased"
"""The code when the body has been erased."""

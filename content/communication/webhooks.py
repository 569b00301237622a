"""The body of a webhook about a message: the type, time and fields of the event, without personal values."""

from __future__ import annotations

import json

from domain.communication.webhooks import TYPES
from domain.webhooks import FeedEvent, WebhookContent

HIDDEN = ("at", "day", "was", "message_id", "attempt", "refund")
"""Fields of an event that a webhook omits or renames."""


def webhook_content(event: FeedEvent) -> WebhookContent:
    """The webhook about this event."""
    fields = {name: value for name, value in event.body.items() if name not in HIDDEN and value is not None}
    data = {"task_id": event.body["message_id"], **fields, "position": event.position}
    body = {"type": TYPES[event.name], "timestamp": event.at.isoformat().replace("+00:00", "Z"), "data": data}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return WebhookContent(f"{event.context}:{event.body['user_id']}", text)

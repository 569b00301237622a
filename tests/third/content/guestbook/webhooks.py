"""The body of a webhook about an entry."""

from __future__ import annotations

import json

from domain.guestbook.webhooks import TYPES

from domain.webhooks import FeedEvent, WebhookContent


def webhook_content(event: FeedEvent) -> WebhookContent:
    """The message that endpoints get about this event."""
    body = {"type": TYPES[event.name], "entry_id": event.body["entry_id"], "position": event.position}
    return WebhookContent(f"{event.context}:{event.body['author']}", json.dumps(body))

"""The webhooks of this product, each made from one event alone: the same facts as the reads show."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from commands.webhooks import QueueWebhook
from domain.content_generator.campaign import CampaignSent
from domain.content_generator.kinds import job_id
from domain.content_generator.publication import PublicationPublished
from domain.content_generator.results import shown_errors, shown_results, shown_time
from domain.content_generator.sync_job import STATUS_OF, RunOver

ENDPOINT = "content_generator"
"""The id of the configured endpoint: the context's name."""

NAMES = {"completed": "job.completed", "partial": "job.partial", "failed": "job.failed"}


def job_webhook(over: RunOver, webhook_id: str) -> QueueWebhook:
    """`job.completed`, `job.partial` or `job.failed`."""
    status = STATUS_OF[type(over)]
    data = {
        "job_id": job_id(over.root, over.run),
        "status": status,
        "channels": list(over.channels),
        "results": shown_results(over.results),
        "errors": shown_errors(over.errors),
    }
    return _queued(over.at, webhook_id, NAMES[status], data)


def campaign_webhook(sent: CampaignSent, webhook_id: str) -> QueueWebhook:
    """`email.sent`."""
    data = {
        "job_id": None if sent.root is None else job_id(sent.root, sent.run),
        "campaign_id": sent.campaign_id,
        "status": "sent",
        "recipients": sent.recipients,
        "sent_at": shown_time(sent.at),
    }
    return _queued(sent.at, webhook_id, "email.sent", data)


def page_webhook(published: PublicationPublished, webhook_id: str) -> QueueWebhook:
    """`content.published`."""
    data = {
        "content_id": published.content_id,
        "job_id": None if published.root is None else job_id(published.root, published.run),
        "status": "published",
        "url": published.url,
        "published_at": shown_time(published.published_at),
    }
    return _queued(published.at, webhook_id, "content.published", data)


def _queued(at: datetime, webhook_id: str, name: str, data: dict[str, Any]) -> QueueWebhook:
    payload = {"event": name, "timestamp": shown_time(at), "data": data}
    return QueueWebhook(
        at=at,
        endpoint_id=ENDPOINT,
        webhook_id=webhook_id,
        data_subject="",
        event_type=name,
        body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
    )

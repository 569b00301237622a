"""Webhooks of the product: about nobody in particular, so that no key of a person is needed to tell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from commands.content_generator.notifications import ENDPOINT, page_webhook
from commands.content_generator.wiring import CONTENT_GENERATOR
from commands.webhook_endpoints import ConfigureWebhookEndpoint
from domain.calls.webhook import DeliverWebhook
from domain.content_generator.publication import PublicationPublished
from domain.webhooks import WebhookQueued
from streams.core.calls import Accepted, Verdict
from streams.core.clock import ManualClock
from streams.testing import MemoryRuntime
from tests.commands.content_generator.stories import NOW, TENANT
from tests.commands.content_generator.test_publication import request


def test_the_webhook_of_a_page_is_delivered_and_stored_in_clear() -> None:
    runtime, sent = MemoryRuntime([CONTENT_GENERATOR], ManualClock(NOW)), list[DeliverWebhook]()

    def perform(effect: Any, _key: str) -> Verdict:
        if isinstance(effect, DeliverWebhook):
            sent.append(effect)
        return Accepted("p1", {})

    endpoint = ConfigureWebhookEndpoint(at=NOW, endpoint_id=ENDPOINT, origin="o", fingerprint="f")
    for command in (endpoint, request()):
        runtime.do(command, CONTENT_GENERATOR.name)
    runtime.run_due(perform)
    assert runtime.halts == []
    (webhook,) = sent
    assert json.loads(webhook.body or "")["event"] == "content.published"
    (queued,) = (one for one in runtime.journal if isinstance(one.fact, WebhookQueued))
    assert queued.record.subject is None
    assert b"content.published" in queued.record.data
    assert runtime.mapper.decode(queued.record.name, queued.record.data, None) == queued.fact


def test_the_webhook_of_a_page_tells_its_job_and_its_time() -> None:
    published = PublicationPublished(
        at=NOW,
        content_id="c",
        tenant=TENANT,
        root=None,
        run=0,
        provider_id="p",
        url="/blog/c",
        page_version=1,
        published_at=datetime(2025, 1, 27, 9, 0, 0, 500000, tzinfo=UTC),
    )
    told = page_webhook(published, "w")
    assert told.body == (
        '{"event":"content.published","timestamp":"2025-01-27T10:00:00Z","data":{"content_id":"c","job_id":null,'
        '"status":"published","url":"/blog/c","published_at":"2025-01-27T09:00:00.500Z"}}'
    )
    assert told.subject is None

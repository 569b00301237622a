"""Webhooks of the product: about nobody in particular, so that no key of a person is needed to tell them."""

from __future__ import annotations

import json
from typing import Any

from commands.content_generator.notifications import ENDPOINT
from commands.content_generator.wiring import CONTENT_GENERATOR
from commands.webhook_endpoints import ConfigureWebhookEndpoint
from domain.calls.webhook import DeliverWebhook
from domain.webhooks import WebhookQueued
from streams.core.calls import Accepted, Verdict
from streams.core.clock import ManualClock
from streams.testing import MemoryRuntime
from tests.commands.content_generator.stories import NOW
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

"""Webhooks of a product whose record names a field for a signature, from the event to the receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import bootstrap
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import Served
from tests.imitations.webhook_sink import SECRET, WebhookSink


@pytest.fixture(scope="module")
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as imitation:
        yield imitation


@pytest.fixture(scope="module")
def product(sink: WebhookSink) -> Iterator[Served]:
    variables = {
        "BOOK_CLUB_WEBHOOK_URL": f"{sink.url}/books",
        "BOOK_CLUB_WEBHOOK_SECRET": SECRET,
        "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true",
    }
    with club(variables) as served:
        yield served


def test_a_body_holds_the_signature_that_its_receiver_can_make(product: Served, sink: WebhookSink) -> None:
    registered = "select count(*) from read_models.book_club_webhook_endpoints"
    product.wait(lambda: product.ask(registered) == [(1,)], "the endpoint is not registered")
    tokens = bootstrap.tokens(product.settings, NAME)
    key = tokens.issue("ana", ["write"], datetime.now(UTC), timedelta(hours=1), {})
    product.advance(timedelta(seconds=1))  # a webhook is about what happened after its endpoint was registered
    answer = product.http.post(f"/{MOUNT}/api/books", json={"title": "Emma"}, headers={"X-API-Key": key})
    assert answer.status_code == 200
    product.wait(lambda: len(sink.journal.received) == 1, "the webhook did not come")
    content = dict(sink.journal.received[0].content)
    signature = content.pop("signature")
    assert content == {"event": "book.found", "title": "Emma", "pages": 300, "read": 0.1}
    signed = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert '"pages":300,' in signed
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()

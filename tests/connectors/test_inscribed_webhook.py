"""Webhooks whose body holds a signature too: of its compact form without the field, which any language can make."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.signatures import compact_json
from connectors.webhook import Destination, WebhookSender
from domain.calls.webhook import DeliverWebhook
from streams.core.calls import Accepted
from tests.imitations.webhook_sink import SECRET, WebhookSink

BODY: dict[str, Any] = {
    "timestamp": "2026-01-05T09:00:00Z",
    "event": "job.completed",
    "data": {"title": "Übung \u2028 \U0001f600", "rate": 25.0, "tiny": 0.00001, "b": [1, 2.5, None, True], "a": {}},
}
COMPACT = (
    '{"data":{"a":{},"b":[1,2.5,null,true],"rate":25,"tiny":0.00001,"title":"Übung \u2028 \U0001f600"},'
    '"event":"job.completed","timestamp":"2026-01-05T09:00:00Z"}'
)
DESTINATION = Destination("https://example.com/", SecretStr(SECRET))

RECEIVER = """
    const crypto = require("crypto");
    const [secret, sent] = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const { signature, ...rest } = JSON.parse(sent);
    const made = crypto.createHmac("sha256", secret).update(JSON.stringify(rest)).digest("hex");
    process.stdout.write(String(made === signature));
"""
"""A receiver that parses the body, takes the field out and signs the rest, as it stands."""


def signature(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def test_the_signature_is_of_the_compact_form_without_the_field() -> None:
    sent = DESTINATION.inscribed(json.dumps(BODY), "signature")
    found = json.loads(sent)
    assert found.pop("signature") == signature(COMPACT.encode())
    assert found == BODY
    assert compact_json(found) == COMPACT.encode()


def test_what_is_sent_is_sorted_and_compact_too() -> None:
    sent = DESTINATION.inscribed(json.dumps(BODY), "signature").decode()
    assert list(json.loads(sent)) == ["data", "event", "signature", "timestamp"]
    assert sent.replace(f'"signature":"{signature(COMPACT.encode())}",', "") == COMPACT


def test_a_signature_that_a_body_has_already_is_replaced() -> None:
    bodies = (BODY, BODY | {"signature": "theirs"})
    assert len({DESTINATION.inscribed(json.dumps(body), "signature") for body in bodies}) == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5.0, "5"),
        (-0.0, "0"),
        (-2.5, "-2.5"),
        (0.000001, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (5e-324, "5e-324"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.25e300, "1.25e+300"),
        (True, "true"),
        ('\u007f\u0001"\\/\n', '"\u007f\\u0001\\"\\\\/\\n"'),
        ("\ud800", '"\\ud800"'),
        ({"\U0001f600": 1, "\uff00": 2}, '{"\U0001f600":1,"\uff00":2}'),
    ],
)
def test_a_value_is_written_as_ecmascript_writes_it(value: object, written: str) -> None:
    assert compact_json(value) == written.encode()


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript runtime")
def test_a_receiver_in_javascript_makes_the_same_signature() -> None:
    numbers = [0.1, 1 / 3, 1e-6, 1.5e-7, 1e20, 123456789012345680000.0, 1e21, 1.25e300, 5e-324, 2.0**60]
    sent = DESTINATION.inscribed(json.dumps(BODY | {"numbers": numbers}), "signature").decode()
    for body, holds in ((sent, "true"), (sent.replace("job.completed", "job.failed"), "false")):
        asked = json.dumps([SECRET, body])
        done = subprocess.run(["node", "-e", RECEIVER], input=asked, capture_output=True, text=True, check=True)
        assert done.stdout == holds


async def test_the_headers_sign_the_bytes_that_are_sent() -> None:
    effect = DeliverWebhook(
        data_subject="gccp:ada",
        endpoint_id="gccp",
        webhook_id="msg_1",
        event_type="job.completed",
        body=json.dumps(BODY),
    )
    with WebhookSink() as sink:
        destinations = {"gccp": Destination(sink.url, SecretStr(SECRET))}
        sender = WebhookSender(destinations, allow_private=True, signature_field="signature")
        assert await sender(effect, "key") == Accepted("msg_1")
        await sender.close()
    (received,) = sink.journal.received
    assert received.content == BODY | {"signature": signature(COMPACT.encode())}

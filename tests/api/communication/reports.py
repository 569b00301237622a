"""Provider reports as the providers sign them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlencode

from connectors.signatures import hex_signature, twilio_signature, webhook_signature
from tests.imitations.twilio import AUTH_TOKEN

TWILIO_TOKEN = AUTH_TOKEN
RESEND_SECRET = "whsec_" + b64encode(b"a secret of twenty-four!").decode()
SECRETS = {"TWILIO_AUTH_TOKEN": TWILIO_TOKEN, "RESEND_WEBHOOK_SECRET": RESEND_SECRET}
"""The settings under which the product knows these secrets."""


class Report(NamedTuple):
    """A request's body and headers."""

    content: bytes
    headers: dict[str, str]


def twilio_form(url: str, form: Sequence[tuple[str, str]]) -> Report:
    """A form, as Twilio posts it to this public address (query included)."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": twilio_signature(TWILIO_TOKEN, url, form),
    }
    return Report(urlencode(form).encode(), headers)


def twilio_json(url: str, body: Any) -> Report:
    """JSON, signed over address and body as the contract reads the document."""
    content = json.dumps(body).encode()
    signature = twilio_signature(TWILIO_TOKEN, url + content.decode())
    return Report(content, {"Content-Type": "application/json", "X-Twilio-Signature": signature})


def twilio_json_by_hash(url: str, body: Any) -> tuple[str, Report]:
    """JSON as Twilio itself signs it: the body's hash in the query, and the address signed. Gives the query too."""
    content = json.dumps(body).encode()
    query = f"bodySHA256={sha256(content).hexdigest()}"
    signature = twilio_signature(TWILIO_TOKEN, f"{url}?{query}")
    return query, Report(content, {"Content-Type": "application/json", "X-Twilio-Signature": signature})


def resend_hmac(body: Any, prefix: str = "") -> Report:
    """The document's own header."""
    content = json.dumps(body).encode()
    signature = prefix + hex_signature(RESEND_SECRET, content)
    return Report(content, {"Content-Type": "application/json", "X-Resend-Signature": signature})


def resend_svix(body: Any, id_: str, timestamp: int) -> Report:
    """What Resend really sends."""
    content = json.dumps(body).encode()
    signature = webhook_signature([RESEND_SECRET], id_, timestamp, content)
    headers = {
        "Content-Type": "application/json",
        "svix-id": id_,
        "svix-timestamp": str(timestamp),
        "svix-signature": signature,
    }
    return Report(content, headers)

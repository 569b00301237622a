"""Signatures of webhooks: verified on incoming ones, made for outgoing ones. Pure, with constant-time compares.

Sources: Twilio's webhook security (X-Twilio-Signature), Standard Webhooks 1.0.0 (Svix and Resend use the same scheme),
the Graph API's webhooks (X-Hub-Signature-256), Telegram's setWebhook (X-Telegram-Bot-Api-Secret-Token).
Every `..._valid` returns False for any malformed input; ValueError means that our own secret is malformed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

TOLERANCE = 300
"""The most seconds between a Standard Webhooks timestamp and now, either way."""

Form = Sequence[tuple[str, str]]
"""The pairs of a form in their order, repeated names included."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)


def twilio_signature(auth_token: str, url: str, form: Form = ()) -> str:
    """X-Twilio-Signature of a request to `url`; `form` is empty when the body is JSON."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), hashlib.sha1)).decode()


def twilio_valid(auth_token: str, urls: Iterable[str], content: Form | bytes, signature: str) -> bool:
    """Whether Twilio signed this request to one of `urls` (the public addresses it may have called, query included).

    `content` is the form's pairs or, for JSON, the raw body, whose hash must then be in the address (`bodySHA256`).
    Each address is tried with and without a port, since Twilio does not always sign the one it was given.
    """
    candidates = [candidate for url in urls for candidate in _with_and_without_port(url)]
    if isinstance(content, bytes):
        candidates = [url for url in candidates if _names_body(url, content)]
    form = () if isinstance(content, bytes) else content
    return any(_same(twilio_signature(auth_token, url, form), signature) for url in candidates)


def webhook_signature(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature per secret (`whsec_...`), the newest first."""
    return " ".join(_v1(secret, message_id, str(timestamp), body) for secret in secrets)


def webhook_valid(secret: str, message_id: str, timestamp: str, body: bytes, signatures: str, now: float) -> bool:
    """Whether one of the space-separated `signatures` is ours and `timestamp` is near `now` (Unix seconds).

    The arguments are the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, or those of `svix-...`.
    """
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    if "." in message_id:  # the standard forbids it: the dot separates id, timestamp and body
        return False
    expected = _v1(secret, message_id, timestamp, body)
    return any(_same(expected, given) for given in signatures.split(" "))


def hex_signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the exact body in hex, keyed by the whole text of the secret (a `whsec_` prefix included)."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def hex_valid(secret: str, body: bytes, signature: str) -> bool:
    """Whether a signature (hex, perhaps after `sha256=`) is `hex_signature` of this body."""
    return _same(hex_signature(secret, body), signature.removeprefix("sha256=").lower())


def hub_signature_valid(secret: str, body: bytes, signature: str) -> bool:
    """Whether `X-Hub-Signature-256` of the Graph API (`sha256=` and hex) is that of the raw body.

    An empty secret signs nothing: everybody knows it.
    """
    return bool(secret) and signature.startswith("sha256=") and hex_valid(secret, body, signature)


def token_valid(expected: str, given: str) -> bool:
    """Whether a shared token is the expected one, in constant time; an empty one is none."""
    return bool(expected) and _same(expected, given)


def compact_json(value: object) -> bytes:
    """The JSON that ECMAScript makes of the same value: without spaces, and here with sorted names.

    So a receiver in any language can make the same bytes of what it has parsed.
    """
    return _compact(value).encode(errors="backslashreplace")


def _compact(value: object) -> str:
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{_compact(value[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_compact, value)) + "]"
    return _number(value) if isinstance(value, float) else _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _number(value: float) -> str:
    """Python and ECMAScript write the same digits of a float, but place point and exponent differently."""
    written = _text(value)
    if value != 0 and not 1e-6 <= abs(value) < 1e21:
        return written.replace("e-0", "e-")
    return "0" if value == 0 else format(Decimal(written), "f").removesuffix(".0")


def resend_hmac_valid(secret: str, body: bytes, signature: str) -> bool:
    """Whether `X-Resend-Signature` (hex, perhaps after `sha256=`) is `hex_signature` of this body.

    It has no timestamp, so it stops no replay: if svix headers are present, check those instead.
    """
    return hex_valid(secret, body, signature)


def _v1(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is whsec_ followed by base64") from None


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def _names_body(url: str, body: bytes) -> bool:
    named = parse_qs(url.partition("?")[2]).get("bodySHA256", [""])[0]
    return _same(hashlib.sha256(body).hexdigest(), named)


def _with_and_without_port(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # an address made from a client's Host header
        return [url]
    rest = url[len(parts.scheme) + len("://") + len(parts.netloc) :]
    if port is not None:
        return [url, f"{parts.scheme}://{parts.netloc.rpartition(':')[0]}{rest}"]
    default = _DEFAULT_PORTS.get(parts.scheme)
    return [url, f"{parts.scheme}://{parts.netloc}:{default}{rest}"] if default else [url]

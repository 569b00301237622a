"""The delivery of webhooks over HTTP, with two signatures: the documents', and that of Standard Webhooks 1.0.0.

A product whose document has a signature within the body too names its field; the sender inscribes it at delivery, as
the secret is not in the log.

Only a 2xx is success, redirects are not followed, and the receiver's body is not read.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import httpx2
from pydantic import SecretStr

from connectors.outward import NotPublic
from connectors.outward_http import PORTS, OutwardClient, Unresolvable, authority_of, port_of
from connectors.retry_after import retry_after, unanswered
from connectors.settings import WebhookSettings
from connectors.signatures import compact_json, hex_signature, webhook_signature
from domain.calls.webhook import ERASED, NOT_CONFIGURED, DeliverWebhook
from streams.core.calls import Accepted, Deferred, Rejected, Verdict

_PASSING = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Destination:
    """The address and the secret of an endpoint. Raises ValueError if one is malformed.

    X-Webhook-Signature is keyed by the whole text of the secret. The Standard Webhooks signature is keyed by the bytes
    behind `whsec_` or, without that prefix, by the bytes of the text.
    """

    url: str
    secret: SecretStr

    def __post_init__(self) -> None:
        if self.target.scheme not in PORTS or not self.target.host:
            raise ValueError("a webhook goes to an http or https address")
        if not self.secret.get_secret_value():
            raise ValueError("webhooks are signed, so a secret is needed")
        self.headers("check", 0, b"")

    @property
    def target(self) -> httpx2.URL:
        """The address, parsed. Raises ValueError for a malformed one."""
        try:
            return httpx2.URL(self.url)
        except httpx2.InvalidURL:
            raise ValueError("a webhook goes to an http or https address") from None

    @property
    def host(self) -> str:
        return self.target.host

    @property
    def port(self) -> int:
        return port_of(self.target)

    @property
    def authority(self) -> str:
        return authority_of(self.target)

    @property
    def origin(self) -> str:
        """The address without its secret parts: user, path and query."""
        return f"{self.target.scheme}://{self.authority}"

    @property
    def fingerprint(self) -> str:
        """A hash of the address, which identifies it without revealing it."""
        return sha256(self.url.encode()).hexdigest()

    def inscribed(self, body: str, field: str) -> bytes:
        """The JSON object in compact form, with its signature under `field`: of that form without the field."""
        content = {name: value for name, value in json.loads(body).items() if name != field}
        signature = hex_signature(self.secret.get_secret_value(), compact_json(content))
        return compact_json(content | {field: signature})

    def headers(self, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The headers of a request, with its signatures."""
        secret = self.secret.get_secret_value()
        standard = secret if secret.startswith("whsec_") else f"whsec_{b64encode(secret.encode()).decode()}"
        return {
            "Content-Type": "application/json",
            "User-Agent": "headwater",
            "X-Webhook-Signature": f"sha256={hex_signature(secret, body)}",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": webhook_signature([standard], webhook_id, timestamp, body),
        }


def configured(surface: str) -> dict[str, Destination]:
    """The destination from the settings, under the surface's name; empty if there is none.

    Raises ValueError for a malformed address, pydantic's ValidationError for settings that do not fit.
    """
    settings = WebhookSettings.of(surface)
    if settings.webhook_url is None or settings.webhook_secret is None:
        return {}
    return {surface: Destination(settings.webhook_url, settings.webhook_secret)}


class WebhookSender:
    """The connector that delivers webhooks to its destinations, by endpoint id.

    Receivers recognise repeats by `webhook-id`, so an attempt without an answer is repeated. `timeout_seconds` bounds
    an attempt as a whole. `tls` replaces the default certificates. `signature_field` is the member of the body that
    holds a signature, empty for none.
    """

    provider = "webhook"
    idempotent = True

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        allow_private: bool = False,
        timeout_seconds: float = 15.0,
        tls: ssl.SSLContext | None = None,
        signature_field: str = "",
    ) -> None:
        self._destinations = destinations
        self._signature_field = signature_field
        self._seconds = timeout_seconds
        self._client = OutwardClient(allow_private, timeout_seconds, tls)

    async def __call__(self, effect: DeliverWebhook, key: str) -> Verdict:
        destination = self._destinations.get(effect.endpoint_id)
        if destination is None:
            return Rejected(NOT_CONFIGURED, f"no destination is configured for the endpoint {effect.endpoint_id}")
        if effect.body is None:
            return Rejected(ERASED, "what the webhook was to tell has been erased")
        try:
            async with asyncio.timeout(self._seconds):
                return await self._deliver(destination, effect.webhook_id, self._signed(destination, effect.body))
        except (httpx2.RequestError, TimeoutError) as error:
            return unanswered(error)

    async def close(self) -> None:
        await self._client.close()

    def _signed(self, destination: Destination, body: str) -> bytes:
        return destination.inscribed(body, self._signature_field) if self._signature_field else body.encode()

    async def _deliver(self, destination: Destination, webhook_id: str, body: bytes) -> Verdict:
        headers = destination.headers(webhook_id, int(time.time()), body)
        try:
            response = await self._client.send("POST", destination.target, headers, body)
        except NotPublic:
            return Rejected("private_address", "the destination's name leads to an address that is not public")
        except Unresolvable as error:
            return Deferred("unresolvable", f"the destination's name cannot be resolved ({error})")
        await response.aclose()
        return _verdict(response, webhook_id)


def _verdict(response: httpx2.Response, webhook_id: str) -> Verdict:
    status = response.status_code
    code, reason = f"http_{status}", f"the receiver answered {status}"
    if response.is_success:
        return Accepted(webhook_id)
    if status in _PASSING or response.is_server_error:
        return Deferred(code, reason, retry_after(response.headers, datetime.now(UTC)))
    if response.is_redirect:
        return Rejected(code, f"{reason}, and redirects are not followed")
    return Rejected(code, reason)

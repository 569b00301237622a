"""A creator who uses this surface, and the visitors and providers that write to them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Self

import httpx2
import orjson

from tests.api.creator_hub.surface import API, FLOW, MOUNT, NAME
from tests.api.product import Served
from tests.imitations.telegram import BOT_TOKEN
from tests.imitations.whatsapp import ACCESS_TOKEN, ACCOUNT_ID, PHONE_NUMBER, PHONE_NUMBER_ID

APP_SECRET = "the secret of WhatsApp's application"
VERIFY_TOKEN = "marked-verify-token"
CREDENTIALS = (VERIFY_TOKEN, ACCESS_TOKEN, BOT_TOKEN)
WHATSAPP = {
    "phone_number": f"+{PHONE_NUMBER}",
    "business_account_id": ACCOUNT_ID,
    "access_token": ACCESS_TOKEN,
    "webhook_verify_token": VERIFY_TOKEN,
}


class Creator:
    """A creator with a token that may do everything."""

    def __init__(self, product: Served, subject: str) -> None:
        self.product, self.subject = product, subject
        self._client = product.client(NAME, API, subject)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """The answer to a request below `/api/v1`; headers with hyphens for underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.request(method, path, json=body, headers=named)

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The body of an answer that must be a success."""
        answer = self.ask(method, path, body, **headers)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The error of an answer with this status."""
        answer = self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()["error"]
        return found

    def channel(self, type_: str = "web", **configuration: object) -> str:
        """The id of a new channel."""
        body = {"channel_type": type_, "channel_name": "A channel", "configuration": configuration}
        return str(self.ok("POST", "/channels", body)["id"])

    def whatsapp(self, **configuration: object) -> str:
        """The id of a WhatsApp channel that is verified."""
        id_ = self.channel("whatsapp", **(WHATSAPP | configuration))
        assert self.verify(id_).text == "1158201444"
        return id_

    def verify(self, channel_id: str, token: str = VERIFY_TOKEN, mode: str = "subscribe") -> httpx2.Response:
        """WhatsApp's first call to a channel's address."""
        query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": "1158201444"}
        return self.product.http.get(f"/{MOUNT}/webhooks/whatsapp/{channel_id}", params=query)

    def program(self, flow: Mapping[str, object] = FLOW, **more: object) -> str:
        """The id of a program that is published."""
        id_ = str(self.ok("POST", "/programs", {"name": "A program", "flow_definition": flow, **more})["id"])
        self.ok("POST", f"/programs/{id_}/publish")
        return id_

    def channels(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ok("GET", "/channels")["channels"]
        return found

    def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ok("GET", "/users")["users"]
        return found

    def visitor(self, channel_id: str) -> Visitor:
        """A new visitor of a channel's widget."""
        return Visitor(self.product, channel_id)


class Visitor:
    """A visitor of a widget."""

    def __init__(self, product: Served, channel_id: str) -> None:
        self._http, self._path = product.http, f"/{MOUNT}{API}/widget/{channel_id}"
        self.token: str = self._http.get(self._path).json()["visitor_token"]

    def post(self, text: str, **headers: str) -> httpx2.Response:
        """The answer to a message; headers with hyphens for underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"visitor_token": self.token, "text": text, "name": "Ana"}
        return self._http.post(f"{self._path}/messages", json=body, headers=named)

    def write(self, text: str) -> str:
        """The id of a message that was taken."""
        answer = self.post(text)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["message_id"])

    def read(self, **query: str | int) -> dict[str, Any]:
        """The messages that the widget shows."""
        answer = self._http.get(f"{self._path}/messages", params={"visitor_token": self.token, **query})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def signed(product: Served, channel_id: str, body: object, secret: str = APP_SECRET) -> httpx2.Response:
    """The answer to a call of WhatsApp."""
    content = orjson.dumps(body)
    mac = hmac.digest(secret.encode(), content, sha256).hex()
    headers = {"X-Hub-Signature-256": f"sha256={mac}", "Content-Type": "application/json"}
    return product.http.post(f"/{MOUNT}/webhooks/whatsapp/{channel_id}", content=content, headers=headers)


def whatsapp_message(text: str, id_: str = "wamid.1", sender: str = "16505551234") -> dict[str, Any]:
    """One message of a change."""
    return {"from": sender, "id": id_, "timestamp": "1767603600", "type": "text", "text": {"body": text}}


def whatsapp_call(*messages: dict[str, Any], **more: object) -> dict[str, Any]:
    """A call with messages, or with `statuses`."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": PHONE_NUMBER, "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "16505551234"}],
        "messages": list(messages),
        **more,
    }
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": [change]}]}

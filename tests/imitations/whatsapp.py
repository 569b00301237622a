"""An imitation of WhatsApp's Cloud API: messages of one number, the account's numbers, errors with numbered codes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, Stage, main, suffer

ACCESS_TOKEN = "imitated-whatsapp-token"
APP_SECRET = "imitated-app-secret"
PHONE_NUMBER_ID = "106540352242922"
PHONE_NUMBER = "15550783881"
ACCOUNT_ID = "102290129340398"
VERSION = "v26.0"

LONGEST_BODY = 4096
LONGEST_CALLBACK = 512
_CODES = {400: 100, 401: 190, 403: 10, 429: 130429, 500: 131000, 503: 131016}


class WhatsAppImitation(Imitation):
    """Takes messages of PHONE_NUMBER_ID with ACCESS_TOKEN; each that goes out is recorded under its recipient.

    `numbers` are those of the account.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.numbers = [number(PHONE_NUMBER_ID, "+1 555-078-3881"), number("1906385232743451", "+1 631-555-5555")]

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(f"/{VERSION}/{PHONE_NUMBER_ID}/messages", self._create, methods=["POST"]),
            Route(f"/{VERSION}/{ACCOUNT_ID}/phone_numbers", self._list, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        if not _authorized(request):
            return _error(401, 190, "Invalid OAuth access token - Cannot parse access token")
        message = await request.json()
        to = message.get("to") or message.get("recipient") or ""
        if refusal := _refusal(message, to):
            return refusal
        behaviour = self.journal.following(to)
        if behaviour.recorded:
            self.journal.record(Received(to=to, content=message, headers=dict(request.headers)))
        await suffer(request, behaviour)
        return _failed(behaviour) if behaviour.status else JSONResponse(_created(to))

    async def _list(self, request: Request) -> Response:
        if not _authorized(request):
            return _error(401, 190, "Invalid OAuth access token - Cannot parse access token")
        behaviour = self.journal.following(ACCOUNT_ID, Stage.LIST)
        await suffer(request, behaviour)
        return _failed(behaviour) if behaviour.status else JSONResponse({"data": self.numbers, "paging": {}})


def number(id_: str, display: str) -> dict[str, Any]:
    """A number as the account lists it."""
    return {"id": id_, "display_phone_number": display, "verified_name": "Acme", "quality_rating": "GREEN"}


def call_of(*values: Mapping[str, Any], field: str = "messages") -> bytes:
    """The body of a webhook with one change a value."""
    metadata = {"display_phone_number": PHONE_NUMBER, "phone_number_id": PHONE_NUMBER_ID}
    changes = [
        {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": field} for value in values
    ]
    entry = [{"id": ACCOUNT_ID, "changes": [change]} for change in changes]
    return json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()


def incoming(
    text: str, from_: str = "16505551234", name: str = "Sheena Nelson", id_: str | None = None, at: int = 1749416383
) -> dict[str, Any]:
    """The value of a change with a text from a person."""
    message = {"from": from_, "id": id_ or message_id(), "timestamp": str(at), "type": "text", "text": {"body": text}}
    return {"contacts": [{"profile": {"name": name}, "wa_id": from_}], "messages": [message]}


def report(
    status: str, callback: str | None = None, id_: str | None = None, to: str = "16505551234", code: int | None = None
) -> dict[str, Any]:
    """The value of a change with the status of a message of ours."""
    found = {"id": id_ or message_id(), "status": status, "timestamp": "1750263773", "recipient_id": to}
    errors = {"errors": [{"code": code, "title": "Failed", "message": "Failed", "error_data": {"details": "Why"}}]}
    callbacks = {"biz_opaque_callback_data": callback}
    return {"statuses": [found | (callbacks if callback else {}) | (errors if code else {})]}


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    """The header `X-Hub-Signature-256` of a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def message_id() -> str:
    return f"wamid.{uuid4().hex.upper()}"


def _authorized(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {ACCESS_TOKEN}"


def _refusal(message: dict[str, Any], to: str) -> Response | None:
    kind = message.get("type", "text")
    body = message.get("text", {}).get("body", "") if kind == "text" else "-"
    filled: dict[str, Any] = {"name": "-", "language": {"code": "-"}}
    template = message.get("template", {}) if kind == "template" else filled
    checks = (
        (message.get("messaging_product") == "whatsapp", "(#100) The parameter messaging_product is required."),
        (to, "(#100) The parameter to is required."),
        (body, "(#100) The parameter text['body'] is required."),
        (len(body) <= LONGEST_BODY, "(#100) Param text['body'] must be at most 4096 characters long."),
        (template.get("name") and template.get("language", {}).get("code"), "(#132000) template is incomplete"),
        (len(message.get("biz_opaque_callback_data", "")) <= LONGEST_CALLBACK, "(#100) Param is too long."),
    )
    return next((_error(400, 100, sentence) for passed, sentence in checks if not passed), None)


def _created(to: str) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to.lstrip("+")}],
        "messages": [{"id": message_id(), "message_status": "accepted"}],
    }


def _failed(behaviour: Behaviour) -> Response:
    status = behaviour.status or 500
    code = int(behaviour.code) if behaviour.code else _CODES.get(status, 1)
    return _error(status, code, behaviour.text, behaviour.headers)


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    data = {"messaging_product": "whatsapp", "details": message}
    error = {"message": message, "type": "OAuthException", "code": code, "error_data": data, "fbtrace_id": "Az8or2yhq"}
    return JSONResponse({"error": error}, status, headers=headers)


if __name__ == "__main__":
    main(WhatsAppImitation)

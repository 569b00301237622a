"""An imitation of Telegram's Bot API: one bot's messages and its webhook, with the token in the path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, Stage, main, suffer

BOT_TOKEN = "123456:imitated-BOT_token"
SECRET_TOKEN = "imitated-secret_token"
LONGEST_TEXT = 4096

_SENTENCES = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
}


class TelegramImitation(Imitation):
    """Takes messages of the bot with BOT_TOKEN, each recorded under its chat; `webhook` is what was set last."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.webhook: dict[str, Any] = {}

    def begin_anew(self) -> None:
        super().begin_anew()
        self.webhook = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(f"{path}/bot{{token}}/{{method}}", self._called, methods=["POST"]) for path in ("", "/below")]

    async def _called(self, request: Request) -> Response:
        if request.path_params["token"] != BOT_TOKEN:
            return failure(401)
        if "authorization" in request.headers:
            return failure(400, "Bad Request: the token belongs into the path")
        body = json.loads(await request.body() or b"{}")
        match request.path_params["method"]:
            case "sendMessage":
                return await self._send(request, body)
            case "setWebhook" | "deleteWebhook":
                return await self._set(request, body)
            case _:
                return failure(404)

    async def _send(self, request: Request, body: dict[str, Any]) -> Response:
        text = body.get("text", "")
        if not text.strip():
            return failure(400, "Bad Request: message text is empty")
        if len(text) > LONGEST_TEXT:
            return failure(400, "Bad Request: message is too long")
        to = str(body.get("chat_id", ""))
        behaviour = self.journal.following(to)
        if behaviour.recorded:
            self.journal.record(Received(to=to, content=body, headers=dict(request.headers)))
        await suffer(request, behaviour)
        return _failed(behaviour) if behaviour.status else _ok(_message(body, len(self.journal.received)))

    async def _set(self, request: Request, body: dict[str, Any]) -> Response:
        behaviour = self.journal.following("webhook", Stage.LIST)
        await suffer(request, behaviour)
        if behaviour.status:
            return _failed(behaviour)
        self.webhook = body
        return JSONResponse({"ok": True, "result": True, "description": "Webhook was set"})


def update_of(
    text: str,
    more: Mapping[str, Any] | None = None,
    *,
    person_id: int = 1111111,
    given: str = "Ada",
    update: int = 10_000,
    message: int = 1365,
) -> bytes:
    """The body of an update with a text from a person; `more` are fields of the message."""
    person = {"id": person_id, "is_bot": False, "first_name": given, "last_name": "Lovelace", "language_code": "de"}
    content = {
        "message_id": message,
        "from": person,
        "chat": {"id": person_id, "first_name": given, "type": "private"},
        "date": 1441645532,
        "text": text,
    }
    return json.dumps({"update_id": update, "message": content | dict(more or {})}).encode()


def failure(status: int, sentence: str | None = None, after: str | None = None) -> Response:
    """Telegram's answer to a call that failed."""
    parameters = {"parameters": {"retry_after": int(after)}} if after else {}
    described = sentence or _SENTENCES.get(status, "Internal Server Error")
    return JSONResponse({"ok": False, "error_code": status, "description": described} | parameters, status)


def _failed(behaviour: Behaviour) -> Response:
    told = behaviour.text if behaviour.text != Behaviour().text else None
    return failure(behaviour.status or 500, told, behaviour.headers.get("Retry-After"))


def _ok(result: object) -> Response:
    return JSONResponse({"ok": True, "result": result})


def _message(body: dict[str, Any], message_id: int) -> dict[str, Any]:
    chat = {"id": body["chat_id"], "first_name": "Ada", "type": "private"}
    return {"message_id": message_id, "from": {"id": 123456, "is_bot": True}, "chat": chat, "text": body["text"]}


if __name__ == "__main__":
    main(TelegramImitation)

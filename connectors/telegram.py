"""Chat on Telegram, through the Bot API with the token of each channel.

It recognises no repeats and reports on no message, so an attempt without an answer stays in doubt.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx2

from connectors.chat import ERASED, Secrets, clean, client_for, nothing_to_do
from connectors.http_client import Dialect, HttpClient, Problem, fields_in_answer, trust
from connectors.provider_json import Fields, fields_in, id_in, number_in, word_in
from connectors.retry_after import LONGEST
from domain.calls.chat import CREDENTIALS, UNREACHABLE_RECIPIENT, FindChatSender, SendChat, SetChatWebhook
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

UPDATES = ("message",)
"""The kinds of updates that are asked for (connectors/telegram_updates.py)."""

_BEARER = "Bearer "
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


class TelegramChat:
    """The connector to Telegram. The channel's secrets are `bot_token` and `secret_token`."""

    provider = "telegram"
    required = "bot_token"

    def __init__(self, base_url: str = "https://api.telegram.org", timeout_seconds: float = 10.0) -> None:
        dialect = Dialect(_problem_of, clean=clean, special=_special)
        self._client = HttpClient(
            "Telegram", base_url, "", dialect, None, timeout_seconds, _TokenInPath(verify=trust())
        )

    async def send(self, effect: SendChat, secrets: Secrets) -> Verdict:
        """Send one part, without a parse mode: no character of it is markup."""
        if effect.to is None or effect.text is None:
            return ERASED
        return await self._call("sendMessage", {"chat_id": _chat_id(effect.to), "text": effect.text}, secrets)

    async def set_webhook(self, effect: SetChatWebhook, secrets: Secrets) -> Verdict:
        """Tell Telegram the address and the secret of its calls, or to make none."""
        if effect.url is None:
            return await self._call("deleteWebhook", {}, secrets)
        body: dict[str, object] = {"url": effect.url, "allowed_updates": UPDATES}
        if secret := secrets.get("secret_token"):
            body["secret_token"] = secret
        return await self._call("setWebhook", body, secrets)

    async def find_sender(self, effect: FindChatSender, secrets: Secrets) -> Verdict:
        """Nothing: a bot is its token."""
        return nothing_to_do(self.provider)

    async def close(self) -> None:
        await self._client.close()

    async def _call(self, method: str, body: dict[str, object], secrets: Secrets) -> Verdict:
        client = client_for(self._client, secrets.get(self.required, ""))
        if isinstance(client, Rejected):
            return client
        answer = await client.exchange("POST", f"/bot/{method}", json=body)
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else client.failure(answer)


class _TokenInPath(httpx2.AsyncHTTPTransport):
    """The transport that moves the token from its header into the path, where Telegram wants it.

    Requests are logged, traced and named in errors with their address: above this transport, that has no token.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        token = quote(request.headers.get("Authorization", "").removeprefix(_BEARER), safe=":")
        path, _, method = request.url.raw_path.rpartition(b"/bot/")
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"authorization"]
        told = httpx2.Request(
            request.method,
            request.url.copy_with(raw_path=path + b"/bot" + token.encode() + b"/" + method),
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await super().handle_async_request(told)


def _chat_id(address: str) -> int | str:
    """The id as the number that it is in updates; a name of a chat as it is."""
    return int(address) if _NUMBER.fullmatch(address) else address


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    """The verdict of a success. A message's id counts within its chat, and says nothing of the person."""
    fields = fields_in_answer(answer)
    if fields.get("ok") is not True:
        return Unknown(f"Telegram answered {answer.status_code} without saying that it is done")
    if fields.get("result") is True:
        return Accepted("telegram")
    message_id = id_in(fields_in(fields, "result"), "message_id")
    return Accepted(message_id) if message_id else Unknown("Telegram took a message without naming it")


def _problem_of(fields: Fields) -> Problem:
    return Problem(id_in(fields, "error_code"), word_in(fields, "description", 500))


def _special(answer: httpx2.Response, problem: Problem) -> Rejected | Deferred | None:
    match answer.status_code:
        case 401 | 404:  # every method called is there: the token is not
            return Rejected(CREDENTIALS, problem.sentence)
        case 403:
            return Rejected(UNREACHABLE_RECIPIENT, problem.sentence)
        case 400 if "chat not found" in problem.sentence:
            return Rejected(UNREACHABLE_RECIPIENT, problem.sentence)
        case 429:
            asked = number_in(fields_in(fields_in_answer(answer), "parameters"), "retry_after")
            return Deferred(problem.code, problem.sentence, None if asked is None else min(asked, LONGEST))
        case _:
            return None

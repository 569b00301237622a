"""Chat on WhatsApp, through the Cloud API: the Graph API with the token of each channel.

It has no idempotency keys. A report on the message names our `biz_opaque_callback_data`, which settles an attempt
without an answer.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlencode

import httpx2

from connectors.chat import ERASED, Secrets, clean, client_for, nothing_to_do
from connectors.facebook import problem_of, regain_wait
from connectors.http_client import ANSWERED, Body, Dialect, HttpClient, Problem, fields_in_answer
from connectors.provider_json import as_fields, count_in, fields_in, list_in, text_in, word_in
from domain.calls.chat import (
    CREDENTIALS,
    SENDER_MISSING,
    UNREACHABLE_RECIPIENT,
    WINDOW_CLOSED,
    FindChatSender,
    SendChat,
    SetChatWebhook,
    callback_of,
)
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

_THROTTLED = frozenset({4, 80007, 130429, 131048, 131056})
"""Error codes of limits, with any status: of the application, the account, the number, the pair of numbers."""

_NOT_NOW = frozenset({131057, 133004})
"""Error codes of an account in maintenance and a number's server that is away: nothing was processed."""

_REFUSED_TOKEN = frozenset({0, 3, 10, 190, 131005, *range(200, 300)})
"""Error codes of tokens that have ended and of rights that they lack."""

_PASSING = frozenset({1, 2, 131000, 131016})
"""Error codes of "an unknown error" and "temporarily unavailable", which may follow a message that was taken."""

_NAMES = {131047: WINDOW_CLOSED, 131026: UNREACHABLE_RECIPIENT}
_USER_ID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]{1,160}", re.ASCII)
"""The business-scoped id of a person who shows no number, such as `US.13491208655302741918`."""

MOST_NUMBERS = 100


class WhatsAppChat:
    """The connector to WhatsApp. The channel's secret is `access_token`."""

    provider = "whatsapp"
    required = "access_token"

    def __init__(
        self, base_url: str = "https://graph.facebook.com", version: str = "v26.0", timeout_seconds: float = 10.0
    ) -> None:
        self._version = quote(version, safe="")
        dialect = Dialect(problem_of, regain_wait, clean, _special)
        self._client = HttpClient("WhatsApp", base_url, "", dialect, None, timeout_seconds)

    async def send(self, effect: SendChat, secrets: Secrets) -> Verdict:
        """Send one part. The accepted verdict's provider id is `mark_of` the message's."""
        if effect.to is None or effect.text is None:
            return ERASED
        if not effect.sender:
            return Rejected(SENDER_MISSING, "the channel's phone_number_id is not known")
        client = client_for(self._client, secrets.get(self.required, ""))
        if isinstance(client, Rejected):
            return client
        path = f"/{self._version}/{quote(effect.sender, safe='')}/messages"
        answer = await client.exchange("POST", path, json=_message(effect, effect.to, effect.text))
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer) if answer.is_success else client.failure(answer)

    async def set_webhook(self, effect: SetChatWebhook, secrets: Secrets) -> Verdict:
        """Nothing: the address is entered in the application's settings, and verified by a call to it."""
        return nothing_to_do(self.provider)

    async def find_sender(self, effect: FindChatSender, secrets: Secrets) -> Verdict:
        """Find the number's id among those of the business account."""
        client = client_for(self._client, secrets.get(self.required, ""))
        if isinstance(client, Rejected):
            return client
        query = urlencode({"fields": "id,display_phone_number", "limit": str(MOST_NUMBERS)})
        read = await client.read(f"/{self._version}/{quote(effect.account, safe='')}/phone_numbers?{query}")
        return _sender(read, effect.number) if isinstance(read, Body) else read

    async def close(self) -> None:
        await self._client.close()


def mark_of(message_id: str) -> str:
    """The mark of WhatsApp's id of a message: the id itself holds the person's number, in base64."""
    return f"wamid.{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"


def code_of(number: int) -> str:
    """The code of an error: of some our own name, of all others the number."""
    return CREDENTIALS if number in _REFUSED_TOKEN else _NAMES.get(number, str(number))


def _message(effect: SendChat, to: str, text: str) -> dict[str, object]:
    address = {"recipient": to} if _USER_ID.fullmatch(to) else {"to": to}
    about = {"biz_opaque_callback_data": callback_of(effect.reference, effect.part)}
    return {"messaging_product": "whatsapp", "recipient_type": "individual"} | address | about | _content(effect, text)


def _content(effect: SendChat, text: str) -> dict[str, object]:
    if effect.template is None:
        return {"type": "text", "text": {"body": text, "preview_url": False}}
    return {
        "type": "template",
        "template": {"name": effect.template.name, "language": {"code": effect.template.language}},
    }


def _taken(answer: httpx2.Response) -> Accepted | Unknown:
    ids = [text_in(message, "id") for message in list_in(fields_in_answer(answer), "messages")]
    if not ids or not ids[0]:
        return Unknown(f"WhatsApp answered {answer.status_code} without naming the message")
    return Accepted(mark_of(ids[0]))


def _special(answer: httpx2.Response, problem: Problem) -> Rejected | Deferred | Unknown | None:
    match count_in(fields_in(fields_in_answer(answer), "error"), "code"):
        case None:
            return None
        case code if code in _THROTTLED or code in _NOT_NOW:
            return Deferred(problem.code, problem.sentence)
        case code if code in _PASSING and answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE:
            return Unknown(f"WhatsApp failed by itself: {problem.sentence}", output=dict(ANSWERED))
        case code if code in _NAMES or code in _REFUSED_TOKEN:
            return Rejected(code_of(code), problem.sentence)
        case _:
            return None


def _sender(read: Body, number: str | None) -> Accepted | Rejected:
    numbers = list_in(as_fields(read.value), "data")
    fitting = [
        one for one in numbers if number is None or _digits(text_in(one, "display_phone_number")) == _digits(number)
    ]
    ids = [word_in(one, "id") for one in fitting]
    if len(ids) != 1 or not ids[0]:
        return Rejected(SENDER_MISSING, f"the business account has {len(ids)} numbers that may be the channel's")
    return Accepted(ids[0])


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)

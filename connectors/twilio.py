"""Text messages through Twilio's Messages resource.

Twilio has no idempotency keys, so an attempt without an answer is not simply repeated: `find` asks Twilio's list what
became of it. A status callback may settle it, too.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

import httpx2
from pydantic import BaseModel, StringConstraints, ValidationError

from connectors.retry_after import PHASES, retry_after, unanswered
from connectors.sms import ERASED, without_numbers
from connectors.twilio_list import CLOCK_SKEW, MOST_PAGES, PAGE_SIZE, ListedMessage, ListedPage, chosen, page_of, wanted
from domain.calls.sms import Sms
from streams.core.calls import REFERENCE, Accepted, Deferred, Finding, Rejected, Unknown, Verdict, begin_call

_NOT_PROCESSED = frozenset({408, 429, 503})
"""Statuses of unprocessed requests. 429: "never processed and always safe to retry" (error 20429). 503: not able to
handle the request now (RFC 9110), answered before a message exists. 408: the request was not received whole. Any other
5xx may follow a queued message; Twilio warns that repeating it may reach the customer twice (error 20500)."""


class TwilioSms:
    """The connector to Twilio. `sender` is an E.164 number, a short code, a name, or a messaging service (MG...).

    `status_callback` is the public address for Twilio's delivery reports; each message adds its REFERENCE to the query.
    `timeout_seconds` bounds each step of a request (PHASES).
    """

    provider = "twilio"
    idempotent = False

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        base_url: str = "https://api.twilio.com",
        status_callback: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._path = f"/2010-04-01/Accounts/{quote(account_sid, safe='')}/Messages.json"
        self._sender = sender
        self._from = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._status_callback = status_callback
        self._deadline = PHASES * timeout_seconds
        self._client = httpx2.AsyncClient(base_url=base_url, auth=(account_sid, auth_token), timeout=timeout_seconds)

    async def __call__(self, effect: Sms, key: str) -> Verdict:
        if effect.to is None or effect.body is None:
            return ERASED
        form = {"To": effect.to, "Body": effect.body, **self._from, **self._callback(effect.reference)}
        begin_call()
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._client.post(self._path, data=form)
        except (httpx2.RequestError, TimeoutError) as error:
            return unanswered(error)
        return _verdict(response)

    async def find(self, effect: Sms, since: datetime) -> Finding:
        """The messages with the same recipient, sender and words in Twilio's list, made since then."""
        if effect.to is None or effect.body is None:
            return Unknown("the recipient's data was erased, so the text cannot be looked for")
        day = (since - CLOCK_SKEW).date().isoformat()
        query = {"To": effect.to, "DateSent>": day, "PageSize": str(PAGE_SIZE)}
        try:
            async with asyncio.timeout(self._deadline):
                return await self._find(f"{self._path}?{urlencode(query)}", wanted(effect.body), since - CLOCK_SKEW)
        except (httpx2.RequestError, TimeoutError) as error:
            return Deferred("unreachable", f"the list of messages could not be read ({type(error).__name__})")

    async def _find(self, path: str, words: str, since: datetime) -> Finding:
        found: list[ListedMessage] = []
        for _ in range(MOST_PAGES):
            page = page_of(await self._client.get(path))
            if not isinstance(page, ListedPage):
                return page
            found += [one for one in page.messages if one.made_since(since) and one.sent_by(self._sender)]
            if not page.next_page_uri:
                return chosen(found, words)
            path = page.next_page_uri
        return Unknown(f"Twilio lists more than {MOST_PAGES * PAGE_SIZE} texts to this number")

    def _callback(self, reference: str) -> dict[str, str]:
        if self._status_callback is None:
            return {}
        parts = urlsplit(self._status_callback)
        query = "&".join(filter(None, (parts.query, urlencode({REFERENCE: reference}))))
        return {"StatusCallback": parts._replace(query=query).geturl()}

    async def close(self) -> None:
        await self._client.aclose()


_Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]


class _Message(BaseModel):
    sid: _Token


class _Problem(BaseModel):
    """An error body: the older form has `message`, the newer one (RFC 9457) `detail` and `title`."""

    code: int | _Token | None = None
    message: str | None = None
    detail: str | None = None
    title: str | None = None

    def sentence(self, status: int) -> str:
        return without_numbers(self.message or self.detail or self.title or f"Twilio answered {status}")


def _verdict(response: httpx2.Response) -> Verdict:
    status = response.status_code
    if response.is_success:
        return _accepted(response)
    problem = _problem(response)
    code, reason = str(problem.code or f"http_{status}"), problem.sentence(status)
    if status in _NOT_PROCESSED:
        return Deferred(code, reason, retry_after(response.headers, datetime.now(UTC)))
    if response.is_server_error:
        return Unknown(f"Twilio answered {status}, which may follow a message that was taken")
    return Rejected(code, reason)


def _accepted(response: httpx2.Response) -> Verdict:
    try:
        return Accepted(_Message.model_validate_json(response.content).sid)
    except ValidationError:
        return Unknown(f"Twilio answered {response.status_code} without naming the message")


def _problem(response: httpx2.Response) -> _Problem:
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return _Problem()

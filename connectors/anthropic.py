"""Claude through Anthropic's Messages API.

Answers are always streamed, even if wanted whole: silence is noticed within seconds though an answer takes minutes, and
the cost of an answer that breaks off is known. The API has no idempotency keys.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import httpx2

from connectors.anthropic_events import error_in, read_answer, reason_of
from connectors.model import Chunk, StreamedAnswer, Tally
from connectors.model_http import CONNECTIONS, ERASED, broke, gather, transport_failures
from connectors.prices import ANTHROPIC, PriceList
from connectors.provider_json import Fields, fields_in, fields_of, word_in
from connectors.retry_after import LONGEST, retry_after
from domain.calls.completion import Completion
from streams.core.calls import Deferred, Rejected, Verdict, begin_call

FIRST_VERSION_WITHOUT_TEMPERATURE = "2026-10-21"
LAST_MODEL_WITH_TEMPERATURE = (4, 6)

PASSING_STATUS = frozenset({408, 409, 429})
"""Statuses that Anthropic's own clients retry, beside every 5xx."""

_FAMILY_FIRST = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?:-\d{8}|-latest)?")
_VERSION_FIRST = re.compile(r"claude-(\d{1,2})(?:-(\d{1,2}))?-[a-z]+(?:-\d{8}|-latest)?")


def takes_temperature(model: str, version: str) -> bool:
    """Whether that model, under that API version, accepts `temperature`. False for an unreadable name.

    Models after 4.6 refuse any but the default, and API versions from 2026-10-21 on refuse the field (Anthropic's guide
    for moving to that version).
    """
    named = _FAMILY_FIRST.fullmatch(model) or _VERSION_FIRST.fullmatch(model)
    if named is None or version >= FIRST_VERSION_WITHOUT_TEMPERATURE:
        return False
    return (int(named[1]), int(named[2] or 0)) <= LAST_MODEL_WITH_TEMPERATURE


class AnthropicModel:
    """The connector to Claude. Each completion names its model.

    `silence_seconds` bounds each wait (connecting, sending, the next piece), `answer_seconds` a whole answer.
    `version` is the `anthropic-version` header. Raises ValueError for a key that cannot be a header.
    """

    provider = "anthropic"
    idempotent = False

    def __init__(
        self,
        api_key: str,
        base_url: str = "https://api.anthropic.com",
        version: str = "2023-06-01",
        silence_seconds: float = 60.0,
        answer_seconds: float = 900.0,
        prices: PriceList = ANTHROPIC,
    ) -> None:
        if not re.fullmatch(r"[!-~]+", api_key):
            raise ValueError("the Anthropic API key must be visible ASCII characters, without spaces")
        self._key = api_key
        self._version = version
        self._answer_seconds = answer_seconds
        self._prices = prices
        headers = {"x-api-key": api_key, "anthropic-version": version}
        self._client = httpx2.AsyncClient(
            base_url=base_url, headers=headers, timeout=silence_seconds, limits=CONNECTIONS
        )

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        return await gather(self.stream(effect), self._answer_seconds)

    def stream(self, effect: Completion) -> StreamedAnswer:
        tally = Tally(effect.model, self._prices)
        return StreamedAnswer(self._chunks(effect, tally), tally)

    async def close(self) -> None:
        await self._client.aclose()

    async def _chunks(self, effect: Completion, tally: Tally) -> AsyncGenerator[Chunk, None]:
        if effect.messages is None:
            raise broke(ERASED, tally)
        body = self._body(effect)
        begin_call()
        with transport_failures(tally):
            async with self._client.stream("POST", "/v1/messages", json=body) as response:
                if response.status_code != 200:
                    raise broke(_refusal(response, await response.aread(), self._key), tally)
                async for chunk in read_answer(response.aiter_bytes(), tally, self._key):
                    yield chunk

    def _body(self, effect: Completion) -> dict[str, object]:
        body: dict[str, object] = {
            "model": effect.model,
            "max_tokens": effect.max_tokens,
            "messages": [message.model_dump() for message in effect.messages or ()],
            "stream": True,
        }
        if effect.system:
            body["system"] = effect.system
        if effect.temperature is not None and takes_temperature(effect.model, self._version):
            body["temperature"] = effect.temperature
        return body


def _refusal(response: httpx2.Response, body: bytes, key: str) -> Rejected | Deferred:
    error, after = _error_in(body), _wait(response.headers)
    code = word_in(error, "type") or f"http_{response.status_code}"
    reason = reason_of(error, key) or f"Anthropic answered {response.status_code}"
    special = word_in(fields_in(error, "details"), "error_code")
    spent = special == "enforced_spend_limit_reached" and after is None
    if _may_pass(response) and not spent:
        return Deferred(code, reason, after)
    return Rejected(special if spent else code, reason)


def _may_pass(response: httpx2.Response) -> bool:
    said = response.headers.get("x-should-retry")
    if said in ("true", "false"):
        return said == "true"
    return response.status_code in PASSING_STATUS or response.is_server_error


def _wait(headers: httpx2.Headers) -> float | None:
    milliseconds = retry_after(headers, datetime.now(UTC), "retry-after-ms")
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST)
    return retry_after(headers, datetime.now(UTC))


def _error_in(body: bytes) -> Fields:
    try:
        return error_in(fields_of(body.decode(errors="replace")))
    except ValueError:
        return {}

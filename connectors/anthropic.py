"""Claude through Anthropic's Messages API.

Answers are always streamed, even if wanted whole: silence is noticed within seconds though an answer takes minutes, and
the cost of an answer that breaks off is known. The API has no idempotency keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import httpx2
from pydantic import BaseModel, Field, ValidationError

from connectors.model import Chunk, Finished, StreamedAnswer, Tally, TextChunk
from connectors.model_http import CONNECTIONS, ERASED, LONGEST_REASON, broke, gather, transport_failures
from connectors.prices import ANTHROPIC, PriceList
from connectors.retry_after import LONGEST, retry_after
from connectors.server_sent_events import ServerSentEvent, events
from domain.calls.completion import Completion
from streams.core.calls import Deferred, Rejected, Unknown, Verdict

FIRST_VERSION_WITHOUT_TEMPERATURE = "2026-10-21"
LAST_MODEL_WITH_TEMPERATURE = (4, 6)

PASSING = frozenset({"rate_limit_error", "api_error", "timeout_error", "overloaded_error", "conflict_error"})
"""Error types for which a retry may succeed."""

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
        body, reading = self._body(effect), _Reading(tally, self._key)
        with transport_failures(tally):
            async with self._client.stream("POST", "/v1/messages", json=body) as response:
                if response.status_code != 200:
                    raise broke(_refusal(response, await response.aread(), self._key), tally)
                async for event in events(response.aiter_bytes()):
                    text = reading.take(event)
                    if text:
                        yield TextChunk(text)
                    if reading.over:
                        break
        yield reading.finished()

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


class _Usage(BaseModel):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Message(BaseModel):
    id: str = ""
    model: str = ""
    usage: _Usage = Field(default_factory=_Usage)


class _StopDetails(BaseModel):
    explanation: str | None = None


class _Delta(BaseModel):
    type: str = ""
    text: str = ""
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None


class _ErrorDetails(BaseModel):
    error_code: str | None = None


class _Error(BaseModel):
    type: str = ""
    message: str = ""
    details: _ErrorDetails | None = None


class _Event(BaseModel):
    """The used parts of the documented events; other fields are ignored.

    Defaults come from factories, as pydantic would otherwise deep-copy each of them for each event.
    """

    message: _Message = Field(default_factory=_Message)
    delta: _Delta = Field(default_factory=_Delta)
    usage: _Usage = Field(default_factory=_Usage)
    error: _Error = Field(default_factory=_Error)


class _Reading:
    """The state of one answer while it is read. Unknown events and pings are ignored."""

    def __init__(self, tally: Tally, key: str) -> None:
        self._tally = tally
        self._key = key
        self._id = ""
        self._stop_reason: str | None = None
        self._detail = ""

    def take(self, event: ServerSentEvent) -> str:
        """Read one event and return the text it adds. Raises UpstreamBroke for an error event."""
        match event.event:
            case "message_start":
                self._start(self._read(event).message)
            case "content_block_delta":
                return self._text(self._read(event).delta)
            case "message_delta":
                self._end(self._read(event))
            case "error":
                raise broke(_failure(self._read(event).error, self._key), self._tally)
        return ""

    @property
    def over(self) -> bool:
        """Whether the model has stopped. Later events add nothing, and a later failure takes nothing away."""
        return self._stop_reason is not None

    def finished(self) -> Finished:
        """The end of the answer. Raises UpstreamBroke if the stream stopped before the model did."""
        if self._stop_reason is None:
            raise broke(Unknown("the answer broke off before its end"), self._tally)
        return Finished(self._id, self._stop_reason, self._tally.usage(), self._detail)

    def _read(self, event: ServerSentEvent) -> _Event:
        try:
            return _Event.model_validate_json(event.data)
        except ValidationError:
            raise broke(Unknown(f"a {event.event} event of the answer could not be read"), self._tally) from None

    def _start(self, message: _Message) -> None:
        self._id = message.id
        self._tally.model = message.model or self._tally.model
        self._count(message.usage)

    def _text(self, delta: _Delta) -> str:
        if delta.type != "text_delta":  # thinking, citations and tool input are no part of the answer
            return ""
        self._tally.saw(delta.text)
        return delta.text

    def _end(self, event: _Event) -> None:
        self._stop_reason = event.delta.stop_reason or self._stop_reason
        if event.delta.stop_details is not None:
            self._detail = event.delta.stop_details.explanation or ""
        self._count(event.usage)
        self._tally.counted = event.usage.output_tokens is not None

    def _count(self, usage: _Usage) -> None:
        self._tally.begun = True
        if usage.input_tokens is not None:
            self._tally.input_tokens = usage.input_tokens
        if usage.output_tokens is not None:
            self._tally.output_tokens = usage.output_tokens


def _failure(error: _Error, key: str, after: float | None = None) -> Rejected | Deferred:
    code = error.type or "api_error"
    reason = error.message.replace(key, "[key]")[:LONGEST_REASON] or code
    return Deferred(code, reason, after) if code in PASSING else Rejected(code, reason)


def _refusal(response: httpx2.Response, body: bytes, key: str) -> Rejected | Deferred:
    error, after = _error_in(body, response.status_code), _wait(response.headers)
    reason = error.message.replace(key, "[key]")[:LONGEST_REASON] or f"Anthropic answered {response.status_code}"
    code = (error.details and error.details.error_code) or error.type
    spent = code == "enforced_spend_limit_reached" and after is None
    if _may_pass(response) and not spent:
        return Deferred(error.type, reason, after)
    return Rejected(code if spent else error.type, reason)


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


def _error_in(body: bytes, status: int) -> _Error:
    try:
        error = _Event.model_validate(json.loads(body)).error
    except ValueError:
        error = _Error()
    return error if error.type else error.model_copy(update={"type": f"http_{status}"})

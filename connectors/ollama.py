"""Local models, through Ollama's /api/chat.

Answers are always streamed, even if wanted whole: a slow machine may take many minutes, and only silence shows that it
died. Repeating a call costs nothing but time, so an unknown outcome may be retried.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from datetime import UTC, datetime

import httpx2

from connectors.model import Chunk, Finished, StreamedAnswer, Tally, TextChunk
from connectors.model_http import CONNECTIONS, ERASED, LONGEST_REASON, broke, gather, transport_failures
from connectors.prices import FREE
from connectors.provider_json import Fields, SurrogateJoiner, count_in, fields_in, fields_of, text_in, word_in
from connectors.retry_after import retry_after
from domain.calls.completion import Completion
from streams.core.calls import Deferred, Rejected, Unknown, Verdict

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}
"""Ollama's stop reasons in Anthropic's words; any other is passed on as it is."""

LEAST_CONTEXT = 4096
BYTES_PER_TOKEN = 3
"""A low estimate: better to reject a prompt as too long than to have it cut."""


class OllamaModel:
    """The connector to Ollama. It answers with `model` or, without one, with the model that each completion names.

    Ollama silently drops text beyond its context window. So the requested window always holds the prompt and the
    answer, and a completion that needs more than `context_tokens` is rejected (`context_exceeded`).
    `silence_seconds` bounds each wait (loading the model is one), `answer_seconds` a whole answer.
    """

    provider = "ollama"
    idempotent = True

    def __init__(
        self,
        base_url: str = "http://localhost:11434",
        model: str | None = None,
        context_tokens: int = 65_536,
        silence_seconds: float = 300.0,
        answer_seconds: float = 3600.0,
    ) -> None:
        self._model = model
        self._context_tokens = context_tokens
        self._answer_seconds = answer_seconds
        self._client = httpx2.AsyncClient(base_url=base_url, timeout=silence_seconds, limits=CONNECTIONS)

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        return await gather(self.stream(effect), self._answer_seconds)

    def stream(self, effect: Completion) -> StreamedAnswer:
        tally = Tally(self._model or effect.model, FREE)
        return StreamedAnswer(self._chunks(effect, tally), tally)

    async def close(self) -> None:
        await self._client.aclose()

    async def _chunks(self, effect: Completion, tally: Tally) -> AsyncGenerator[Chunk, None]:
        if effect.messages is None:
            raise broke(ERASED, tally)
        needed = _context_needed(effect)
        if needed > self._context_tokens:
            raise broke(Rejected("context_exceeded", _too_long(needed, self._context_tokens)), tally)
        with transport_failures(tally):
            async with self._client.stream("POST", "/api/chat", json=_body(effect, tally.model, needed)) as response:
                if response.status_code != 200:
                    raise broke(_refusal(response, await response.aread()), tally)
                async for chunk in read_answer(response.aiter_bytes(), tally):
                    yield chunk


async def read_answer(chunks: AsyncIterable[bytes], tally: Tally) -> AsyncGenerator[Chunk, None]:
    """The text of an answer as it comes, and its end. Raises UpstreamBroke."""
    reading = _Reading(tally)
    async for line in _lines(chunks):
        for chunk in reading.take(line):
            yield chunk
            if isinstance(chunk, Finished):
                return
    raise broke(Unknown("the answer broke off before its end"), tally)


def _context_needed(effect: Completion) -> int:
    prompt = [effect.system or "", *(message.content for message in effect.messages or ())]
    size = sum(len(text.encode()) for text in prompt)
    return max(LEAST_CONTEXT, size // BYTES_PER_TOKEN + effect.max_tokens)


def _too_long(needed: int, given: int) -> str:
    return f"the prompt and its answer need about {needed} tokens of context, and {given} are allowed"


def _body(effect: Completion, model: str, context: int) -> dict[str, object]:
    system = [{"role": "system", "content": effect.system}] if effect.system else []
    options: dict[str, object] = {"num_predict": effect.max_tokens, "num_ctx": context}
    if effect.temperature is not None:
        options["temperature"] = effect.temperature
    messages = [message.model_dump() for message in effect.messages or ()]
    return {"model": model, "messages": system + messages, "stream": True, "options": options}


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Split at line feeds only: JSON strings may hold other characters that `splitlines` splits at."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


class _Reading:
    """The state of one answer while it is read, line by line. Only text decides about it; the rest may be missing."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._joiner = SurrogateJoiner()

    def take(self, line: bytes) -> list[Chunk]:
        """Read one line: the next words, or the end. Raises UpstreamBroke for an error, and for text that is lost."""
        try:
            fields = fields_of(line.decode(errors="replace"))
        except ValueError:
            raise broke(Unknown("a line of the answer could not be read"), self._tally) from None
        if reason := _error_in(fields):
            raise broke(Deferred("model_error", reason), self._tally)
        self._tally.begun = True
        self._tally.model = word_in(fields, "model") or self._tally.model
        over = fields.get("done") is True or bool(word_in(fields, "done_reason"))
        text = self._text(fields) + (self._joiner.rest() if over else "")
        self._tally.saw(text)
        chunks: list[Chunk] = [TextChunk(text)] if text else []
        return [*chunks, self._finished(fields)] if over else chunks

    def _text(self, fields: Fields) -> str:
        return self._joiner.joined(text_in(fields_in(fields, "message"), "content") or text_in(fields, "response"))

    def _finished(self, last: Fields) -> Finished:
        written = count_in(last, "eval_count")
        self._tally.count(count_in(last, "prompt_eval_count"), written)
        self._tally.counted = written is not None
        reason = word_in(last, "done_reason") or "stop"
        made_by = f"{self._tally.model}@{word_in(last, 'created_at')}"
        return Finished(made_by, STOP_REASONS.get(reason, reason), self._tally.usage())


def _error_in(fields: Fields) -> str:
    error = fields_in(fields, "error")
    return word_in(error, "message", LONGEST_REASON) if error else word_in(fields, "error", LONGEST_REASON)


def _refusal(response: httpx2.Response, body: bytes) -> Rejected | Deferred:
    status = response.status_code
    try:
        said = _error_in(fields_of(body.decode(errors="replace")))
    except ValueError:
        said = ""
    reason = said or f"Ollama answered {status}"
    if status in (408, 429) or response.is_server_error:
        return Deferred(f"http_{status}", reason, retry_after(response.headers, datetime.now(UTC)))
    return Rejected("model_not_found" if status == 404 else f"http_{status}", reason)

"""Local models, through Ollama's /api/chat.

Answers are always streamed, even if wanted whole: a slow machine may take many minutes, and only silence shows that it
died. Repeating a call costs nothing but time, so an unknown outcome may be retried.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from datetime import UTC, datetime

import httpx2
from pydantic import BaseModel, Field, ValidationError

from connectors.model import Chunk, Finished, StreamedAnswer, Tally, TextChunk
from connectors.model_http import CONNECTIONS, ERASED, LONGEST_REASON, broke, gather, transport_failures
from connectors.prices import FREE
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
                async for line in _lines(response.aiter_bytes()):
                    for chunk in _read(line, tally):
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


class _Message(BaseModel):
    content: str = ""


class _Line(BaseModel):
    """One line of an answer: the next words, the end with its counts, or an error after the first words."""

    model: str = ""
    created_at: str = ""
    message: _Message = Field(default_factory=_Message)
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int = 0
    eval_count: int = 0
    error: str | None = None


def _read(line: bytes, tally: Tally) -> list[Chunk]:
    try:
        read = _Line.model_validate_json(line)
    except ValidationError:
        raise broke(Unknown("a line of the answer could not be read"), tally) from None
    if read.error is not None:
        raise broke(Deferred("model_error", read.error[:LONGEST_REASON]), tally)
    tally.begun = True
    tally.model = read.model or tally.model
    tally.saw(read.message.content)
    text: list[Chunk] = [TextChunk(read.message.content)] if read.message.content else []
    return [*text, _finished(read, tally)] if read.done else text


def _finished(last: _Line, tally: Tally) -> Finished:
    tally.input_tokens, tally.output_tokens, tally.counted = last.prompt_eval_count, last.eval_count, True
    reason = last.done_reason or "stop"
    return Finished(f"{tally.model}@{last.created_at}", STOP_REASONS.get(reason, reason), tally.usage())


def _refusal(response: httpx2.Response, body: bytes) -> Rejected | Deferred:
    status = response.status_code
    try:
        said = _Line.model_validate_json(body).error
    except ValidationError:
        said = None
    reason = (said or f"Ollama answered {status}")[:LONGEST_REASON]
    if status in (408, 429) or response.is_server_error:
        return Deferred(f"http_{status}", reason, retry_after(response.headers, datetime.now(UTC)))
    return Rejected("model_not_found" if status == 404 else f"http_{status}", reason)

"""The port to a language model: answers whole or in chunks, and their usage."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from connectors.prices import PriceList
from domain.calls.completion import Completion
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Unknown, Verdict


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens and their cost in microcents. `estimated`: the answer was cut off before the provider counted it.

    Until then, output counts as one token for every four bytes of UTF-8 received, without hidden reasoning.
    """

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microcents: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(Accepted):
    """A whole answer. `stop_reason` is in Anthropic's words for every provider; `max_tokens`: the answer is cut off.

    It is empty if the provider gave none. `text` may be empty. `model` is the one that answered. `output` holds
    everything but the provider's id.
    """

    text: str
    stop_reason: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_microcents: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class RejectedAtCost(Rejected):
    """A final refusal, after tokens were used."""

    usage: TokenUsage = TokenUsage()


@dataclass(frozen=True, slots=True)
class DeferredAtCost(Deferred):
    """A passing failure, after tokens were used."""

    usage: TokenUsage = TokenUsage()


@dataclass(frozen=True, slots=True)
class UnknownAtCost(Unknown):
    """A lost answer, after tokens were used."""

    usage: TokenUsage = TokenUsage()


Failure = Rejected | Deferred | Unknown


def at_cost(failure: Failure, usage: TokenUsage) -> Failure:
    """The same failure with its usage, if there is any."""
    if not usage.input_tokens and not usage.output_tokens:
        return failure
    match failure:
        case Rejected(code, reason):
            return RejectedAtCost(code, reason, usage, output=asdict(usage))
        case Deferred(code, reason, after):
            return DeferredAtCost(code, reason, after, usage, output=asdict(usage))
        case Unknown(reason):
            return UnknownAtCost(reason, usage, output=asdict(usage))


def usage_of(verdict: Verdict) -> TokenUsage:
    """The usage of a call with any verdict; all zero if none is known."""
    match verdict:
        case Completed():
            return TokenUsage(
                verdict.model,
                verdict.input_tokens,
                verdict.output_tokens,
                verdict.cost_microcents,
                verdict.estimated,
            )
        case RejectedAtCost() | DeferredAtCost() | UnknownAtCost():
            return verdict.usage
        case _:
            return TokenUsage()


class UpstreamBroke(Exception):
    """The provider failed, before or within its answer. `verdict` says how to go on, and carries the usage."""

    def __init__(self, verdict: Failure) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class TextChunk:
    """The next few words of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer, with its usage. `detail` is the provider's sentence about a refusal."""

    provider_id: str
    stop_reason: str
    usage: TokenUsage
    detail: str = ""


Chunk = TextChunk | Finished


def completed(text: str, end: Finished) -> Completed:
    """The whole answer from its text and its end."""
    output: dict[str, Any] = {
        "text": text,
        "stop_reason": end.stop_reason,
        "model": end.usage.model,
        "input_tokens": end.usage.input_tokens,
        "output_tokens": end.usage.output_tokens,
        "cost_microcents": end.usage.cost_microcents,
    }
    if end.usage.estimated:
        output["estimated"] = True
    return Completed(end.provider_id, output, **output)


class Tally:
    """The counter of an answer's usage while it is streamed."""

    def __init__(self, model: str, prices: PriceList) -> None:
        self.model = model
        self.input_tokens = 0
        self.output_tokens = 0
        self.counted = False
        self.begun = False
        self._prices = prices
        self._bytes = 0

    def saw(self, text: str) -> None:
        self._bytes += len(text.encode(errors="replace"))

    def count(self, input_tokens: int | None, output_tokens: int | None) -> None:
        """Take the provider's counts so far. They are totals, so of a total that falls the largest stays."""
        self.input_tokens = max(self.input_tokens, input_tokens or 0)
        self.output_tokens = max(self.output_tokens, output_tokens or 0)

    def usage(self) -> TokenUsage:
        reckoned = -(-self._bytes // 4)
        written = self.output_tokens if self.counted else max(self.output_tokens, reckoned)
        cost = self._prices.of(self.model).cost(self.input_tokens, written)
        return TokenUsage(self.model, self.input_tokens, written, cost, estimated=not self.counted)


class StreamedAnswer:
    """An answer while it is streamed: any number of TextChunk, then one Finished. Raises UpstreamBroke.

    Leaving the `async with` block, or `aclose`, ends the call upstream. `usage` is the usage so far, at any time.
    """

    def __init__(self, chunks: AsyncGenerator[Chunk, None], tally: Tally) -> None:
        self._chunks = chunks
        self._tally = tally

    @property
    def usage(self) -> TokenUsage:
        return self._tally.usage()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    async def aclose(self) -> None:
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class LanguageModel(Connector[Completion], Protocol):
    """A connector that answers completions, streamed or whole: a Completed, or a verdict with its usage."""

    def stream(self, effect: Completion) -> StreamedAnswer: ...

"""What all language models over HTTP share: transport failures as verdicts, and whole answers from streamed ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from connectors.model import Failure, Finished, StreamedAnswer, Tally, TextChunk, UpstreamBroke, at_cost, completed
from connectors.retry_after import unanswered
from streams.core.calls import Rejected, Unknown, Verdict

ERASED = Rejected("erased", "the person's data was erased before the model was asked")

LONGEST_REASON = 500

CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
"""Unbounded, as an answer holds its connection for minutes: the caller bounds their number."""

LONGEST_ANSWER = 300_000
"""The most bytes, as JSON, of an answer that is wanted whole: encrypted it is a record of half a megabyte.

Kafka takes 1 MB. A longer answer is ended upstream, as it could never be recorded.
"""

TOO_LONG = "answer_too_long"
"""The stop reason of an answer that was ended at `LONGEST_ANSWER`."""

UNUSABLE = {
    "refusal": "the model declined to answer",
    "tool_use": "the model asked for a tool, and none was offered",
    "pause_turn": "the model paused its turn, and no tool was offered that could be waited for",
}
"""The stop reasons without an answer, and their meaning."""


def broke(failure: Failure, tally: Tally) -> UpstreamBroke:
    """The failure as an exception, with the usage so far."""
    return UpstreamBroke(at_cost(failure, tally.usage()))


@contextmanager
def transport_failures(tally: Tally) -> Iterator[None]:
    """Turn transport errors into UpstreamBroke. Their own messages are dropped: they may quote a header."""
    try:
        yield
    except httpx2.RequestError as error:
        kind = type(error).__name__
        failure = Unknown(f"the answer broke off ({kind})") if tally.begun else unanswered(error)
        raise broke(failure, tally) from None


async def gather(answer: StreamedAnswer, seconds: float) -> Verdict:
    """The whole answer as one verdict, after at most this many seconds."""
    try:
        async with asyncio.timeout(seconds), answer:
            return await _whole(answer)
    except UpstreamBroke as error:
        return error.verdict
    except TimeoutError:
        return at_cost(Unknown(f"the answer had not ended after {seconds:g} seconds"), answer.usage)


async def _whole(answer: StreamedAnswer) -> Verdict:
    texts: list[str] = []
    size = 0
    async for chunk in answer:
        match chunk:
            case TextChunk(text):
                size += len(json.dumps(text, ensure_ascii=False).encode())
                if size > LONGEST_ANSWER:
                    return completed("".join(texts), Finished("", TOO_LONG, answer.usage))
                texts.append(text)
            case Finished():
                return _verdict("".join(texts), chunk)
    return Unknown("the answer stopped without an end")


def _verdict(text: str, finished: Finished) -> Verdict:
    stop = finished.stop_reason
    if stop in UNUSABLE:
        return at_cost(Rejected(stop, finished.detail or UNUSABLE[stop]), finished.usage)
    return completed(text, finished)

"""The offline writer, a stand-in for a language model: composes a course by fixed rules, and states so in its text.

It reads the brief, not the prompt, by the rules of `domain.gccp.writing`. The same brief always gives the same text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from hashlib import sha256

from connectors.model import Chunk, Finished, StreamedAnswer, Tally, TextChunk
from connectors.model_http import ERASED, broke, gather
from connectors.prices import FREE
from domain.calls.completion import Completion
from domain.gccp.course import Brief, ContentMode, Step
from domain.gccp.writing.extracts import sentences
from domain.gccp.writing.steps import compose
from streams.core.calls import Verdict

MODEL = "offline-writer"
LONGEST_TOPIC = 120
ANSWER_SECONDS = 600.0

CHAT_NOTICE = (
    "No language model is configured, so this is no answer. It is what fixed rules make of your own words: "
    "an outline to study the subject by."
)


class OfflineWriter:
    """Answers completions from their brief at no cost, and one without a brief by an outline of the user's messages.

    `max_tokens` is ignored: a truncated assignment has the wrong number of questions.
    """

    provider = "offline"
    idempotent = True

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        return await gather(self.stream(effect), ANSWER_SECONDS)

    def stream(self, effect: Completion) -> StreamedAnswer:
        tally = Tally(MODEL, FREE)
        tally.counted = True
        return StreamedAnswer(_chunks(effect, tally), tally)

    async def close(self) -> None:
        """Close nothing: the writer holds no connection."""


async def _chunks(effect: Completion, tally: Tally) -> AsyncGenerator[Chunk, None]:
    if effect.brief is None and effect.messages is None:
        raise broke(ERASED, tally)
    text = await asyncio.to_thread(_written, effect)
    for line in text.splitlines(keepends=True):
        yield TextChunk(line)
    yield Finished(f"offline-{sha256(text.encode()).hexdigest()[:16]}", "end_turn", tally.usage())


def _written(effect: Completion) -> str:
    if effect.brief is not None:
        return compose(Brief.model_validate(effect.brief), Step(effect.step or Step.FORMATTING))
    said = "\n".join(message.content for message in effect.messages or () if message.role == "user")
    topic = next(iter(sentences(said)), "")[:LONGEST_TOPIC]
    outline = compose(Brief(topic=topic, mode=ContentMode.LECTURE, transcript=said), Step.FORMATTING)
    return f"> {CHAT_NOTICE}\n\n{outline}"

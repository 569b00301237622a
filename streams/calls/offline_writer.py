"""A writer for when no language model is configured: composes a course by fixed rules, and says so in what it writes.

It reads the brief, not the prompt. The rules are stated in course_steps.py, course_text.py, questions.py and
extracts.py. The same brief always gives the same text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from hashlib import sha256

from streams.calls import Verdict
from streams.calls.brief import Brief, ContentMode, Step
from streams.calls.course_steps import compose
from streams.calls.extracts import sentences
from streams.calls.language_model import Answer, Chunk, Completion, Finished, Tally, Text
from streams.calls.prices import FREE
from streams.calls.upstream import ERASED, broke, gather

MODEL = "offline-writer"
LONGEST_TOPIC = 120
ANSWER_SECONDS = 600.0

CHAT_NOTICE = (
    "No language model is configured, so this is no answer. It is what fixed rules make of your own words: "
    "an outline to study the subject by."
)


class OfflineWriter:
    """Answers completions from their brief, for nothing. One without a brief gets an outline of what its user wrote.

    `max_tokens` is not obeyed: an assignment that is cut short has the wrong number of questions.
    """

    provider = "offline"
    idempotent = True

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        return await gather(self.stream(effect), ANSWER_SECONDS)

    def stream(self, effect: Completion) -> Answer:
        tally = Tally(MODEL, FREE)
        tally.counted = True
        return Answer(_chunks(effect, tally), tally)

    async def close(self) -> None:
        """Nothing is held open."""


async def _chunks(effect: Completion, tally: Tally) -> AsyncGenerator[Chunk, None]:
    if effect.brief is None and effect.messages is None:
        raise broke(ERASED, tally)
    text = await asyncio.to_thread(_written, effect)
    for line in text.splitlines(keepends=True):
        yield Text(line)
    yield Finished(f"offline-{sha256(text.encode()).hexdigest()[:16]}", "end_turn", tally.usage())


def _written(effect: Completion) -> str:
    if effect.brief is not None:
        return compose(effect.brief, effect.step or Step.FORMATTING)
    said = "\n".join(message.content for message in effect.messages or () if message.role == "user")
    topic = next(iter(sentences(said)), "")[:LONGEST_TOPIC]
    outline = compose(Brief(topic=topic, mode=ContentMode.LECTURE, transcript=said), Step.FORMATTING)
    return f"> {CHAT_NOTICE}\n\n{outline}"

"""Texts of a language model for what was composed by rules: asked for once, and not waited for when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from content.content_generator.model_text import texts_in
from content.content_generator.prompts import PROMPT_VERSION, prompt_of
from domain.calls.completion import Completion
from domain.calls.document import Document
from streams.core.calls import Accepted, Connector

ANSWER_SECONDS = 30.0
"""Seconds for a model's answer. Its text is a courtesy: the rules' text is there already."""

MAX_TOKENS = 4000

log = logging.getLogger(__name__)


class ModelTexts:
    """Texts of the model named, by part as in `Composed.unfit`. A model that fails has none."""

    def __init__(self, model: Connector[Completion], name: str, seconds: float = ANSWER_SECONDS) -> None:
        self._model = model
        self._name = name
        self._seconds = seconds

    async def of(self, document: Document, parts: Collection[str], reference: str) -> Mapping[str, str]:
        """The texts for these parts of a document whose placeholders are filled; empty if the model fails."""
        if not parts:
            return {}
        try:
            async with asyncio.timeout(self._seconds):
                verdict = await self._model(self._completion(document, parts, reference), reference)
        except TimeoutError:
            log.warning("the language model has not answered within %s s: the rules' text stands", self._seconds)
            return {}
        if not isinstance(verdict, Accepted):
            log.warning("the language model failed (%s): the rules' text stands", type(verdict).__name__)
            return {}
        return texts_in(str((verdict.output or {}).get("text", "")))

    async def close(self) -> None:
        await self._model.close()

    def _completion(self, document: Document, parts: Collection[str], reference: str) -> Completion:
        prompt = prompt_of(PROMPT_VERSION, document, parts)
        return Completion(
            context="content_generator",
            recipient_id="",
            reference=reference,
            model=self._name,
            max_tokens=MAX_TOKENS,
            system=prompt.system,
            messages=prompt.messages,
        )

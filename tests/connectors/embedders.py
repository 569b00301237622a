"""An imitation of a provider of embeddings, whose vectors count letters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from connectors.embeddings import Embedded, Verdict


class Embedder:
    """Embeds with `models[name]`, or with the model that is named. What it was asked for is in `asked`."""

    provider = "imitation"

    def __init__(self, models: Mapping[str, str] | None = None, dimensions: int = 26) -> None:
        self.models = dict(models or {})
        self.dimensions = dimensions
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.refusal: Verdict | None = None
        self.hangs: set[str] = set()
        self.closed = False

    def model_for(self, named: str) -> str:
        return self.models.get(named, named)

    async def embed(self, model: str, texts: Sequence[str]) -> Verdict:
        self.asked.append((model, tuple(texts)))
        if model in self.hangs:
            await asyncio.Event().wait()
        if self.refusal is not None:
            return self.refusal
        return Embedded(self.model_for(model), tuple(self.vector(text) for text in texts), sum(map(len, texts)))

    def vector(self, text: str) -> tuple[float, ...]:
        letters = [float(text.lower().count(chr(97 + place))) for place in range(26)]
        return tuple(letters + [0.5] * self.dimensions)[: self.dimensions]

    async def close(self) -> None:
        self.closed = True

"""The vectors of a question, by each model that has embedded what is searched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from connectors.embeddings import Embedded, Embeddings

SECONDS = 10.0
"""The most that a search waits for a model: one that is slower is away."""


class QuestionVectors(NamedTuple):
    """Vectors by model. The chunks of models that are `away` can be found by words alone."""

    vectors: dict[str, tuple[float, ...]]
    away: tuple[str, ...]


async def question_vectors(
    embeddings: Embeddings, question: str, present: Iterable[tuple[str, str]], seconds: float = SECONDS
) -> QuestionVectors:
    """Embed a question once by each model of `present`: pairs of a model and a name by which settings ask for it.

    A model is away where the provider now uses another one under each of its names, where it refuses, or is slow.
    """
    names = _names_now(embeddings, present)
    if not question.strip():
        return QuestionVectors({}, ())
    found = await asyncio.gather(*(_vector(embeddings, question, *pair, seconds) for pair in names.items()))
    vectors = dict(zip(names, found, strict=True))
    away = tuple(sorted(model for model, vector in vectors.items() if vector is None))
    return QuestionVectors({model: vector for model, vector in vectors.items() if vector is not None}, away)


def _names_now(embeddings: Embeddings, present: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """By model, a name under which the provider uses it now; None where there is none."""
    names: dict[str, str | None] = {}
    for model, name in present:
        if names.get(model) is None:
            names[model] = name if embeddings.model_for(name) == model else None
    return names


async def _vector(
    embeddings: Embeddings, question: str, model: str, name: str | None, seconds: float
) -> tuple[float, ...] | None:
    if name is None:
        return None
    try:
        async with asyncio.timeout(seconds):
            answer = await embeddings.embed(name, [question])
    except TimeoutError:
        return None
    return answer.vectors[0] if isinstance(answer, Embedded) and answer.model == model else None

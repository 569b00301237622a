"""Port of embeddings: texts as vectors by a model, and the check of what a provider answers.

Texts of a likeness have vectors of a likeness, but only those of one model can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx2

from connectors.http_client import Failure, HttpClient, fields_in_answer
from connectors.provider_json import Fields
from streams.core.calls import Deferred, Rejected, Unknown

MOST_DIMENSIONS = 4_096
WRONG_ANSWER = "wrong_answer"
"""The code of an answer that is not what was asked for; asked again, it would be no other."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of texts, in the order of the texts, by this model. `tokens` is what the provider counted, or 0."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    tokens: int = 0


Verdict = Embedded | Rejected | Deferred


class Embeddings(Protocol):
    """A provider of embeddings. Never raises for an error of the provider or the network.

    A text may be embedded again at no harm, so that an outcome that is not known is Deferred.
    """

    provider: str

    def model_for(self, named: str) -> str:
        """The model that embeds where that one is named: a provider may know one alone."""
        ...

    async def embed(self, model: str, texts: Sequence[str]) -> Verdict:
        """The vectors of one text or more, by the `model_for` that model."""
        ...

    async def close(self) -> None: ...


async def posted(client: HttpClient, path: str, body: Fields) -> Fields | Rejected | Deferred:
    """The fields of the answer to a request that may be made again."""
    answer = await client.exchange("POST", path, json=body)
    if isinstance(answer, httpx2.Response):
        return fields_in_answer(answer) if answer.is_success else _repeatable(client.failure(answer))
    return _repeatable(answer)


def _repeatable(failure: Failure) -> Rejected | Deferred:
    if isinstance(failure, Unknown):
        return Deferred("unavailable", failure.reason)
    return failure


def checked(name: str, model: str, texts: Sequence[str], vectors: Sequence[object], tokens: int) -> Verdict:
    """The vectors, if there is one for each text, all of one length, of finite numbers that are not all 0."""
    if len(vectors) != len(texts):
        return _wrong(name, f"with {len(vectors)} vectors to {len(texts)} texts")
    read = [vector for vector in map(_numbers, vectors) if vector is not None]
    if len(read) != len(vectors):
        return _wrong(name, "with what are no vectors: finite numbers, of which one is not 0")
    lengths = {len(vector) for vector in read}
    if len(lengths) > 1 or max(lengths, default=0) > MOST_DIMENSIONS:
        return _wrong(name, f"with vectors of {_listed(lengths)} numbers")
    return Embedded(model, tuple(read), tokens)


def _wrong(name: str, what: str) -> Rejected:
    return Rejected(WRONG_ANSWER, f"{name} answered {what}")


def _listed(lengths: set[int]) -> str:
    return " and ".join(str(length) for length in sorted(lengths)[:3])


def _numbers(vector: object) -> tuple[float, ...] | None:
    if not isinstance(vector, list) or not all(type(number) is float for number in vector):
        return None
    return tuple(vector) if any(vector) and all(map(math.isfinite, vector)) else None

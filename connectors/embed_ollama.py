"""Embeddings by local models, through Ollama's `/api/embed`."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.embeddings import Verdict, checked, posted
from connectors.http_client import Dialect, HttpClient, Problem
from connectors.provider_json import Fields, count_in, items_in, word_in
from streams.core.calls import Deferred, Rejected

SECONDS = 120.0
"""Each wait of a request; loading a model is one."""


class OllamaEmbeddings:
    """The connector, which embeds with the model that is named. A text beyond a model's window is cut there."""

    provider = "ollama"

    def __init__(self, base_url: str, timeout_seconds: float = SECONDS) -> None:
        self._client = HttpClient("Ollama", base_url, "", Dialect(_problem), timeout_seconds=timeout_seconds)

    def model_for(self, named: str) -> str:
        return named

    async def embed(self, model: str, texts: Sequence[str]) -> Verdict:
        answer = await posted(self._client, "/api/embed", {"model": model, "input": list(texts), "truncate": True})
        if isinstance(answer, Rejected | Deferred):
            return answer
        tokens = count_in(answer, "prompt_eval_count") or 0
        return checked("Ollama", model, texts, items_in(answer, "embeddings") or (), tokens)

    async def close(self) -> None:
        await self._client.close()


def _problem(fields: Fields) -> Problem:
    return Problem(sentence=word_in(fields, "error", 500))

"""Embeddings by OpenAI's `/v1/embeddings`, which many servers speak."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from connectors.embeddings import WRONG_ANSWER, Verdict, checked, posted
from connectors.http_client import Dialect, HttpClient, Problem
from connectors.provider_json import Fields, count_in, fields_in, first_word, list_in
from streams.core.calls import Deferred, Rejected

SECONDS = 60.0
NAME = "the server of embeddings"


class OpenAiEmbeddings:
    """The connector. `url` is the server's, with or without `/v1` or `/v1/embeddings`; a server may need no key.

    With a model of its own that one is used, whatever model is named.
    """

    provider = "openai"

    def __init__(self, url: str, key: str = "", model: str | None = None, timeout_seconds: float = SECONDS) -> None:
        base, self._path = _divided(url)
        self._model = model
        self._client = HttpClient(NAME, base, key, Dialect(_problem), timeout_seconds=timeout_seconds)

    def model_for(self, named: str) -> str:
        return self._model or named

    async def embed(self, model: str, texts: Sequence[str]) -> Verdict:
        used = self.model_for(model)
        body = {"model": used, "input": list(texts), "encoding_format": "float"}
        answer = await posted(self._client, self._path, body)
        if isinstance(answer, Rejected | Deferred):
            return answer
        vectors = _in_order(list_in(answer, "data"))
        if vectors is None:
            return Rejected(WRONG_ANSWER, f"{NAME} answered with vectors that do not say whose they are")
        usage = fields_in(answer, "usage")
        tokens = count_in(usage, "prompt_tokens") or count_in(usage, "total_tokens") or 0
        return checked(NAME, used, texts, vectors, tokens)

    async def close(self) -> None:
        await self._client.close()


def _divided(url: str) -> tuple[str, str]:
    """The base address and the path of the endpoint."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path.endswith("/embeddings"):
        path += "/embeddings" if path.endswith("/v1") else "/v1/embeddings"
    return f"{parts.scheme}://{parts.netloc}", path + (f"?{parts.query}" if parts.query else "")


def _in_order(data: Sequence[Fields]) -> list[object] | None:
    """The vectors by their index, as they may come in any order; None where they are not numbered from 0."""
    by_index = {count_in(item, "index"): item.get("embedding") for item in data}
    indices = range(len(data))
    return [by_index[index] for index in indices] if by_index.keys() == set(indices) else None


def _problem(fields: Fields) -> Problem:
    error = fields_in(fields, "error")
    return Problem(first_word(error, "code", "type"), first_word(error, "message"))

"""An imitation of Ollama's /api/chat and /api/embed: `python -m tests.imitations.ollama --port 0`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from tests.imitations.llm_server import Act, LlmServer, Received, Refusal, serve
from tests.imitations.vectors import vector_of

EMBED = "/api/embed"
STOP_REASONS = {"end_turn": "stop", "max_tokens": "length"}


class OllamaServer(LlmServer):
    """Ollama's chat endpoint, streamed (its default) and whole, and its embeddings. No model named `missing…` is there.

    An act with a body and status 200 answers with that body in place of vectors.
    """

    content_type = "application/x-ndjson"
    streams_unasked = True

    def refuse(self, request: Received) -> Refusal | None:
        if request.path not in {"/api/chat", EMBED} or request.method != "POST":
            return Refusal(404, "404 page not found")
        model = request.json.get("model")
        if not model:
            return Refusal(400, {"error": "model is required"})
        if model.startswith("missing"):
            return Refusal(404, {"error": f"model '{model}' not found"})
        return None

    def streams(self, request: Received) -> bool:
        return request.path != EMBED and super().streams(request)

    def whole(self, request: Received, act: Act) -> Any:
        if request.path == EMBED:
            return _embeddings(request) if act.body is None else act.body
        return _line(request, "".join(act.pieces)) | _end(act)

    async def streamed(self, request: Received, act: Act) -> AsyncIterator[str]:
        for number, piece in enumerate(act.pieces):
            await self.pause(number, request, act)
            if act.error_after == number:
                yield _written({"error": "an error was encountered while running the model"})
                return
            if act.end_after == number:
                return
            yield _written(_line(request, piece))
        await self.pause(len(act.pieces), request, act)
        for raw in act.insert:
            yield raw
        yield _written(_line(request, "") | _end(act))


def _embeddings(request: Received) -> dict[str, Any]:
    texts = request.json["input"]
    given = [texts] if isinstance(texts, str) else texts
    return {
        "model": request.json["model"],
        "embeddings": [vector_of(text) for text in given],
        "total_duration": 14143917,
        "load_duration": 1019500,
        "prompt_eval_count": sum(len(text.split()) for text in given),
    }


def _written(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _line(request: Received, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "model": request.json["model"],
        "created_at": "2026-11-22T10:00:00.097767Z",
        "message": message,
        "done": False,
    }


def _end(act: Act) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": STOP_REASONS.get(act.stop_reason, act.stop_reason),
        "total_duration": 4883583458,
        "load_duration": 1334875,
        "prompt_eval_count": act.input_tokens,
        "prompt_eval_duration": 342546000,
        "eval_count": act.output_tokens,
        "eval_duration": 4535599000,
    }


if __name__ == "__main__":
    serve(OllamaServer)

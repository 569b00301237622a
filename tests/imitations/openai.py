"""An imitation of OpenAI's /v1/embeddings: `python -m tests.imitations.openai --port 0`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tests.imitations.llm_server import Act, LlmServer, Received, Refusal, serve
from tests.imitations.vectors import vector_of

API_KEY = "sk-imitated"


class OpenAiServer(LlmServer):
    """The endpoint, with the last vector first: the answer's order means nothing. No model named `missing…` is there.

    An act with a body and status 200 answers with that body in place of vectors.
    """

    content_type = "application/json"

    def refuse(self, request: Received) -> Refusal | None:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return error(401, f"Incorrect API key provided: {request.headers.get('authorization')}", "invalid_api_key")
        if request.path != "/v1/embeddings" or request.method != "POST":
            return error(404, f"Invalid URL ({request.method} {request.path})")
        model = request.json.get("model", "")
        if model.startswith("missing"):
            return error(404, f"The model `{model}` does not exist", "model_not_found")
        if not request.json.get("input"):
            return error(400, "'$.input' is invalid.")
        return None

    def whole(self, request: Received, act: Act) -> Any:
        if act.body is not None:
            return act.body
        texts = request.json["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": vector_of(text)} for index, text in enumerate(texts)
        ]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data[::-1], "model": request.json["model"], "usage": usage}

    async def streamed(self, request: Received, act: Act) -> AsyncIterator[str]:
        raise NotImplementedError
        yield


def error(status: int, message: str, code: str | None = None) -> Refusal:
    fields = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Refusal(status, {"error": fields})


if __name__ == "__main__":
    serve(OpenAiServer)

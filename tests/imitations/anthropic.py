"""An imitation of Anthropic's Messages API: `python -m tests.imitations.anthropic --port 0`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from tests.imitations.llm_server import Act, LlmServer, Received, Refusal, serve

SAMPLING = ("temperature", "top_p", "top_k")
OLD_MODEL = re.compile(r"claude-(3|[a-z]+-4(-[0-6])?(-\d{8})?$)")


def error(kind: str, message: str, **details: Any) -> dict[str, Any]:
    """An error in the documented envelope."""
    inner = {"type": kind, "message": message} | ({"details": details} if details else {})
    return {"type": "error", "error": inner, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


class AnthropicServer(LlmServer):
    """Anthropic's Messages API, streamed and whole."""

    content_type = "text/event-stream; charset=utf-8"
    body: str | None = None
    """A body in place of every stream, as a gateway answers that does not stream."""

    def refuse(self, request: Received) -> Refusal | None:
        if request.path != "/v1/messages" or request.method != "POST":
            return Refusal(404, error("not_found_error", "Not Found"))
        if not request.headers.get("x-api-key"):
            return Refusal(401, error("authentication_error", "x-api-key header is required"))
        if "anthropic-version" not in request.headers:
            return Refusal(400, error("invalid_request_error", "anthropic-version: header is required"))
        return _refused_body(request.json, request.headers["anthropic-version"])

    def whole(self, request: Received, act: Act) -> Any:
        usage = {"input_tokens": act.input_tokens, "output_tokens": act.output_tokens}
        content = [{"type": "text", "text": "".join(act.pieces)}]
        return _message(request) | {"content": content, "stop_reason": act.stop_reason, "usage": usage}

    async def streamed(self, request: Received, act: Act) -> AsyncIterator[str]:
        if self.body is not None:
            yield self.body
            return
        start = _message(request) | {"usage": {"input_tokens": act.input_tokens, "output_tokens": 1}}
        yield event("message_start", message=start)
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield event("ping")
        for number, piece in enumerate(act.pieces):
            await self.pause(number, request, act)
            if act.error_after == number:
                yield event("error", error={"type": act.error_type, "message": "Scripted"})
                return
            if act.end_after == number:
                return
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        await self.pause(len(act.pieces), request, act)
        for raw in act.insert:
            yield raw
        yield event("content_block_stop", index=0)
        yield event("message_delta", delta=_stop(act), usage={"output_tokens": act.output_tokens})
        yield event("message_stop")


def event(kind: str, **data: Any) -> str:
    """One server-sent event as Anthropic writes it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n"


def _refused_body(body: dict[str, Any], version: str) -> Refusal | None:
    missing = [name for name in ("model", "max_tokens", "messages") if not body.get(name)]
    if missing:
        return Refusal(400, error("invalid_request_error", f"{missing[0]}: Field required"))
    sampling = [name for name in SAMPLING if name in body]
    if sampling and (version >= "2026-10-21" or not OLD_MODEL.match(body["model"])):
        return Refusal(400, error("invalid_request_error", f"{sampling[0]}: not supported"))
    return None


def _message(request: Received) -> dict[str, Any]:
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": request.json["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


def _stop(act: Act) -> dict[str, Any]:
    details = {"type": "refusal", "category": None, "explanation": act.explanation} if act.explanation else None
    return {"stop_reason": act.stop_reason, "stop_sequence": None, "stop_details": details}


if __name__ == "__main__":
    serve(AnthropicServer)

"""Endpoints of the proxy to the language model: an answer streamed (POST) or whole (PUT)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.actions import POSITION, Action
from api.auth import Caller
from api.errors import ApiError, FieldError, invalid
from api.gccp.access import AUTHENTICATED
from api.gccp.dependencies import Dependencies, Own
from api.gccp.fields import NUMBER, SHORT, UnblankBody
from api.gccp.proxy import ProxiedCall, code_of, upstream_error
from api.routing import HEADERS, LeanRoute
from api.streaming.event_stream import HEARTBEAT_SECONDS, EventStream, unless_disconnected
from api.surface import Act, may
from commands.gccp.ai_call import StartAiCall
from connectors.model import UpstreamBroke
from domain.calls.completion import Completion, PromptMessage
from domain.gccp.answers import WHOLE

router = APIRouter(route_class=LeanRoute, prefix="/api/stream", tags=["Streaming"])

ALLOWED = may(AUTHENTICATED, limit="stream")
USUAL_TOKENS = 10_000
USUAL_TEMPERATURE = 0.7
MOST_MESSAGES = 1_000
DONE = b"data: [DONE]\n\n"


class TalkMessage(UnblankBody):
    role: Literal["user", "assistant"]
    content: str


class StreamBody(UnblankBody):
    """A conversation to be continued. `maxTokens` is 10000 without saying, or as much as is allowed here."""

    messages: Annotated[list[TalkMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    model: Annotated[str, StringConstraints(max_length=SHORT, strip_whitespace=True)]
    system: str | None = None
    maxTokens: Annotated[int, Field(ge=1), NUMBER] | None = None  # noqa: N815 - the document's name
    temperature: Annotated[float, Field(ge=0, le=1), NUMBER] = USUAL_TEMPERATURE


class TextBlock(BaseModel):
    type: str = "text"
    text: str


class TokensUsed(BaseModel):
    input_tokens: int
    output_tokens: int


class ReplyAnswer(BaseModel):
    """The answer. `stop_reason` is the provider's; with `max_tokens` the text is cut off, and null says nothing."""

    content: list[TextBlock]
    usage: TokensUsed
    stop_reason: str | None = None


@router.post("", response_class=Response)
async def stream(
    body: StreamBody, caller: Annotated[Caller, ALLOWED], act: Act, request: Request, own: Own
) -> Response:
    """The answer as server-sent events, each piece as it comes. A client that leaves ends the call.

    The last piece of an answer that is not whole has no content, and a `stop_reason`: `max_tokens` if it is cut off.
    """
    call = await _begin(body, caller, act, own, streamed=True)
    try:
        await unless_disconnected(request, call.open(HEARTBEAT_SECONDS))
    except UpstreamBroke as broke:
        raise upstream_error(broke.verdict) from broke
    except BaseException as ended:
        await call.abandon(isinstance(ended, ClientDisconnect))
        raise
    return EventStream(_events(call), call.abandon)


@router.put("")
async def reply(
    body: StreamBody, caller: Annotated[Caller, ALLOWED], act: Act, request: Request, own: Own
) -> ReplyAnswer:
    """The whole answer at once, with what it used. A client that leaves ends the call."""
    call = await _begin(body, caller, act, own, streamed=False)
    try:
        text = await unless_disconnected(request, _whole(call))
    except UpstreamBroke as broke:
        raise upstream_error(broke.verdict) from broke
    except BaseException as ended:
        await call.abandon(isinstance(ended, ClientDisconnect))
        raise
    recorded = await call.recorded()
    if recorded is not None:
        request.scope[HEADERS][POSITION] = str(recorded.position)
    used = call.usage
    return ReplyAnswer(
        content=[TextBlock(text=text)],
        usage=TokensUsed(input_tokens=used.input_tokens, output_tokens=used.output_tokens),
        stop_reason=call.stop_reason,
    )


async def _begin(body: StreamBody, caller: Caller, act: Action, own: Dependencies, *, streamed: bool) -> ProxiedCall:
    call_id = act.new_id("call")
    tokens = _tokens(body, own)
    started = StartAiCall(
        at=act.at, call_id=call_id, owner=caller.subject, streamed=streamed, model=body.model, max_tokens=tokens
    )
    outcome = await act.submit(started)
    if outcome.replayed:
        kept = "answers are not kept, so it cannot be given again; use a new Idempotency-Key"
        raise ApiError(409, "This call has been made already", kind="AlreadyBegun", details=kept)
    completion = Completion(
        context="gccp",
        recipient_id=caller.subject,
        reference=str(call_id),
        model=body.model,
        max_tokens=tokens,
        temperature=body.temperature,
        system=body.system,
        messages=tuple(PromptMessage(role=message.role, content=message.content) for message in body.messages),
    )
    return ProxiedCall(call_id, caller.subject, streamed, own.model.stream(completion), own.ends, own.engine)


def _tokens(body: StreamBody, own: Dependencies) -> int:
    """Raises ApiError 400 for a model or a number of tokens that the settings do not allow."""
    if own.models and body.model not in own.models:
        raise invalid([FieldError("model", f"must be one of: {', '.join(own.models)}", missing=False)])
    if body.maxTokens is None:
        return min(USUAL_TOKENS, own.max_tokens)
    if body.maxTokens > own.max_tokens:
        raise invalid([FieldError("maxTokens", f"must be at most {own.max_tokens}", missing=False)])
    return body.maxTokens


async def _whole(call: ProxiedCall) -> str:
    pieces: list[str] = []
    while (piece := await call.next()) is not None:
        pieces.append(piece)
    return "".join(pieces)


async def _events(call: ProxiedCall) -> AsyncGenerator[bytes, None]:
    try:
        while (piece := await call.next()) is not None:
            yield _event(type="chunk", content=piece)
        if call.stop_reason not in WHOLE:
            yield _event(type="chunk", content="", stop_reason=call.stop_reason)
        yield DONE
    except UpstreamBroke as broke:
        details = f"{code_of(broke.verdict)}: {broke.verdict.reason}"
        yield _event(type="error", error="The language model broke off", code="ANTHROPIC_ERROR", details=details)
    finally:
        await call.close()


def _event(**fields: Any) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"

"""Proxied calls to a language model: their beginning, and their one end with its usage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.gccp.ai_call import (
    AiCall,
    AiCallEvent,
    AiCallPhase,
    AiReplyCompleted,
    AiReplyFailed,
    AiReplyStarted,
    AiStreamCompleted,
    AiStreamFailed,
    AiStreamStarted,
)
from domain.gccp.usage import Usage
from domain.messages import Command, Remark

LONGEST = timedelta(hours=1)
"""The longest call. One without an end by then has lost its process, and its usage is unknown."""

INTERRUPTED = "interrupted"


class StartAiCall(Command, name="gccp.ai_call.start.v1", key="owner", subject="owner"):
    call_id: UUID
    owner: str
    streamed: bool
    model: str
    max_tokens: int


class CompleteAiCall(Command, name="gccp.ai_call.complete.v1", key="owner", subject="owner"):
    """End a call. `first_chunk_ms` and `disconnected` (the client left) apply to streams only."""

    call_id: UUID
    owner: str
    usage: Usage
    stop_reason: str
    duration_ms: int
    first_chunk_ms: int | None = None
    disconnected: bool = False


class FailAiCall(Command, name="gccp.ai_call.fail.v1", key="owner", subject="owner"):
    call_id: UUID
    owner: str
    usage: Usage
    code: str
    reason: Remark
    duration_ms: int


class ExpireAiCall(Command, name="gccp.ai_call.expire.v1", key="owner", subject="owner"):
    call_id: UUID
    owner: str


def start(command: StartAiCall, call: AiCall) -> Sequence[AiCallEvent]:
    if call.phase is not AiCallPhase.ABSENT:
        return []
    begun = command.model_dump(exclude={"streamed"})
    return [AiStreamStarted(**begun) if command.streamed else AiReplyStarted(**begun)]


def complete(command: CompleteAiCall, call: AiCall) -> Sequence[AiCallEvent]:
    if call.phase is not AiCallPhase.OPEN:
        return []
    if call.streamed:
        return [AiStreamCompleted(**command.model_dump())]
    return [AiReplyCompleted(**command.model_dump(exclude={"first_chunk_ms", "disconnected"}))]


def fail(command: FailAiCall, call: AiCall) -> Sequence[AiCallEvent]:
    return _failed(call, command.model_dump())


def expire(command: ExpireAiCall, call: AiCall) -> Sequence[AiCallEvent]:
    lost = {
        "usage": Usage(model=call.model, estimated=True),
        "code": INTERRUPTED,
        "reason": "the process that served this call was lost",
        "duration_ms": int(LONGEST.total_seconds() * 1000),
    }
    return _failed(call, command.model_dump() | lost)


def _failed(call: AiCall, how: dict[str, Any]) -> Sequence[AiCallEvent]:
    if call.phase is not AiCallPhase.OPEN:
        return []
    return [AiStreamFailed(**how) if call.streamed else AiReplyFailed(**how)]

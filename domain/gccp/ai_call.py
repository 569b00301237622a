"""A proxied call to a language model, streamed or whole. The log holds its usage, not its text.

The call is recorded before it is made. So a call whose process died is found, and ended as interrupted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.gccp.usage import Usage
from domain.messages import Event, Remark


class _OfAiCall(Event, subject="owner"):
    owner: str
    call_id: UUID


class _Started(_OfAiCall):
    model: str
    max_tokens: int


class AiStreamStarted(_Started, name="gccp.ai_call.stream_started.v1"):
    pass


class AiReplyStarted(_Started, name="gccp.ai_call.reply_started.v1"):
    pass


class AiCallEnded(_OfAiCall):
    usage: Usage
    duration_ms: int


class AiStreamCompleted(AiCallEnded, name="gccp.ai_call.stream_completed.v1"):
    """The end of a stream. `disconnected`: the client left early, and the usage is that up to then."""

    stop_reason: str
    first_chunk_ms: int | None
    disconnected: bool


class AiStreamFailed(AiCallEnded, name="gccp.ai_call.stream_failed.v1"):
    """A failed call. `code` is the provider's, or `interrupted` if the serving process and the usage were lost."""

    code: str
    reason: Remark


class AiReplyCompleted(AiCallEnded, name="gccp.ai_call.reply_completed.v1"):
    stop_reason: str


class AiReplyFailed(AiCallEnded, name="gccp.ai_call.reply_failed.v1"):
    """A failed call. `code` is the provider's, or `interrupted` if the serving process and the usage were lost."""

    code: str
    reason: Remark


AnyAiCallEnded = AiStreamCompleted | AiStreamFailed | AiReplyCompleted | AiReplyFailed
"""Every AiCallEnded by its class, for exhaustive matches."""

AiCallEvent = AiStreamStarted | AiReplyStarted | AnyAiCallEnded


class AiCallPhase(StrEnum):
    ABSENT = "absent"
    OPEN = "open"
    ENDED = "ended"


class AiCall(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: AiCallPhase = AiCallPhase.ABSENT
    streamed: bool = False
    model: str = ""


def evolve(call: AiCall, event: AiCallEvent) -> AiCall:
    match event:
        case AiStreamStarted() | AiReplyStarted():
            return AiCall(phase=AiCallPhase.OPEN, streamed=isinstance(event, AiStreamStarted), model=event.model)
        case AiStreamCompleted() | AiStreamFailed() | AiReplyCompleted() | AiReplyFailed():
            return call.model_copy(update={"phase": AiCallPhase.ENDED})
        case _:
            assert_never(event)

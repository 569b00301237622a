"""The calls of a generation to a language model: their beginning, and the answer to each attempt."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.gccp.course import Brief, Step
from domain.gccp.usage import Usage
from domain.messages import Event, Instant, Personal, Remark, Result


class CallReason(StrEnum):
    """The reason for a call: the step's first, a repeat of a lost answer, or the repair of an unfit one."""

    FIRST = "first"
    LOST = "lost"
    REPAIR = "repair"


class Repair(BaseModel):
    """An unfit answer and its fault. `answer` is empty if it was too long to be sent back."""

    model_config = ConfigDict(frozen=True)

    answer: str
    fault: str


class OfGeneration(Event, subject="owner"):
    """An event of one generation, which it names with its owner."""

    owner: str
    generation_id: UUID


class GenerationStepStarted(OfGeneration, name="gccp.generation.step_started.v1"):
    """The beginning of a call. `call` counts the generation's calls from 1; the prompt derives from these fields."""

    step: Step
    call: int
    reason: CallReason
    prompt_version: int
    model: str
    max_tokens: int
    brief: Personal[Brief]
    repair: Personal[Repair] = None


class CallAnswered(OfGeneration):
    """The end of one attempt at a call, answered or given up, with its usage."""

    step: Step
    call: int
    attempt: int
    provider: str
    usage: Usage = Usage()


class GenerationStepDeferred(CallAnswered, name="gccp.generation.step_deferred.v1"):
    """The provider asked to wait; the same call is repeated at `retry_at`."""

    code: str
    reason: Remark
    retry_at: Instant


class GenerationStepCompleted(CallAnswered, name="gccp.generation.step_completed.v1"):
    """The checkpoint of a step, which is never repeated."""

    provider_id: str
    output: Personal[str]


class GenerationAnswerUnfit(CallAnswered, name="gccp.generation.answer_unfit.v1"):
    """An answer that failed the checks of its step."""

    fault: Remark


class GenerationStepFailed(CallAnswered, name="gccp.generation.step_failed.v1"):
    """A rejected call, or one whose answer was lost (`unconfirmed`)."""

    result: Result
    code: str
    reason: Remark


class GenerationAnswerDiscarded(CallAnswered, name="gccp.generation.answer_discarded.v1"):
    """An answer after the generation was cancelled, or after it was given up for lost.

    A request to wait (`deferred`) is discarded, too: a cancelled generation makes no further calls.
    """

    result: Result


AnyCallAnswered = (
    GenerationStepDeferred
    | GenerationStepCompleted
    | GenerationAnswerUnfit
    | GenerationStepFailed
    | GenerationAnswerDiscarded
)
"""Every CallAnswered by its class, for exhaustive matches."""


CallEvent = GenerationStepStarted | AnyCallAnswered

"""The calls that a generation makes to a language model: begun, answered, put off, lost or of no use."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.gccp.course import Brief, Step
from domain.gccp.usage import Usage
from domain.messages import Event, Instant, Personal, Result


class CallReason(StrEnum):
    """Why a call was made: it was the step's first, its answer was lost, or its answer was unfit."""

    FIRST = "first"
    LOST = "lost"
    REPAIR = "repair"


class Repair(BaseModel):
    """An unfit answer and what is wrong with it. `answer` is empty when it was too long to be handed back."""

    model_config = ConfigDict(frozen=True)

    answer: str
    fault: str


class OfGeneration(Event, subject="owner"):
    """What every event of a generation names: its owner and itself."""

    owner: str
    generation_id: UUID


class GenerationStepStarted(OfGeneration, name="gccp.generation.step_started.v1"):
    """A call is to be made. `call` counts the generation's calls from 1; the prompt follows from what stands here."""

    step: Step
    call: int
    reason: CallReason
    prompt_version: int
    model: str
    max_tokens: int
    brief: Personal[Brief]
    repair: Personal[Repair] = None


class CallAnswered(OfGeneration):
    """One attempt at a call has been answered, or given up, and used this much."""

    step: Step
    call: int
    attempt: int
    provider: str
    usage: Usage = Usage()


class GenerationStepDeferred(CallAnswered, name="gccp.generation.step_deferred.v1"):
    """The provider asked to wait; the same call is tried again at `retry_at`."""

    code: str
    reason: str
    retry_at: Instant


class GenerationStepCompleted(CallAnswered, name="gccp.generation.step_completed.v1"):
    """The checkpoint: the step is done and never repeated."""

    provider_id: str
    output: Personal[str]


class GenerationAnswerUnfit(CallAnswered, name="gccp.generation.answer_unfit.v1"):
    """An answer came and is not what was asked for."""

    fault: str


class GenerationStepFailed(CallAnswered, name="gccp.generation.step_failed.v1"):
    """The call was rejected, or its answer was lost (`unconfirmed`)."""

    result: Result
    code: str
    reason: str


class GenerationAnswerDiscarded(CallAnswered, name="gccp.generation.answer_discarded.v1"):
    """An answer came after the generation was cancelled, or after it had been given up for lost.

    An answer that asks to wait (`deferred`) is one too: a cancelled generation's call is not made again.
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

"""The answer to a generation's call: a checkpoint, a wait, a repair, a repeat or a failure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from commands.gccp.generation import RecordAnswer, generation_failed, next_call
from domain.gccp.answers import AnswerUnfit, checked, longest, size, storable
from domain.gccp.call import (
    CallEvent,
    CallReason,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    Repair,
)
from domain.gccp.course import Step
from domain.gccp.generation import (
    FailureCode,
    Generation,
    GenerationCompleted,
    GenerationEvent,
    GenerationPhase,
    evolve,
)
from domain.gccp.usage import Usage
from domain.messages import Attempt, Result

MOST_REPAIRS = 2
"""The most repairs of unfit answers per step. A retry by the owner grants them anew."""


MOST_REPEATS = 1
"""The most repeats per step of a call whose answer was lost though perhaps paid for. A retry grants it anew."""


LOST = "answer_lost"


UNFIT = "answer_unfit"
"""Causes of failure that are ours, beside the providers' own codes."""


def record(command: RecordAnswer, generation: Generation) -> Sequence[GenerationEvent]:
    """Decide an answer. It counts once: for the open call, or late for one given up for lost."""
    attempt = command.attempt
    if attempt is None or not _is_news(command, attempt, generation):
        return []
    if command.call != generation.open_call or generation.phase is not GenerationPhase.PROCESSING:
        return [_discarded(command, attempt)]
    if attempt.result is Result.DEFERRED:
        return [_deferred(command, attempt)]
    if attempt.result is Result.ACCEPTED:
        return _answered(command, generation, attempt)
    return _unanswered(command, generation, attempt)


def _is_news(command: RecordAnswer, attempt: Attempt, generation: Generation) -> bool:
    if command.call in generation.lost:
        informs = attempt.result is not Result.UNCONFIRMED or Usage.reported(attempt.output).known
        return informs and attempt.number == generation.lost[command.call]
    return command.call == generation.open_call and attempt.number > generation.heard


def _answered(command: RecordAnswer, generation: Generation, attempt: Attempt) -> Sequence[GenerationEvent]:
    answer = attempt.output or {}
    text = storable(str(answer.get("text", "")))
    try:
        output = checked(text, str(answer.get("stop_reason", "")), command.step, generation.mode, generation.counts)
    except AnswerUnfit as unfit:
        return _repaired(command, generation, attempt, text, str(unfit))
    completed = GenerationStepCompleted(
        **_common(command, attempt), provider_id=storable(attempt.provider_id or ""), output=output
    )
    return [completed, _next(command, generation, completed)]


def _next(command: RecordAnswer, generation: Generation, completed: GenerationStepCompleted) -> GenerationEvent:
    if generation.following is not None:
        return next_call(command, evolve(generation, completed), CallReason.FIRST)
    return GenerationCompleted(
        at=command.at,
        owner=command.owner,
        generation_id=command.generation_id,
        topic=generation.topic,
        mode=generation.mode,
        duration_seconds=generation.seconds(command.at),
    )


def _repaired(
    command: RecordAnswer, generation: Generation, attempt: Attempt, text: str, fault: str
) -> Sequence[GenerationEvent]:
    unfit = GenerationAnswerUnfit(**_common(command, attempt), fault=fault)
    if generation.repairs >= MOST_REPAIRS:
        reason = f"after {MOST_REPAIRS} repairs the answer is still unfit: {fault}"
        return [unfit, generation_failed(command, generation, FailureCode.GENERATION_FAILED, UNFIT, reason)]
    shown = text if size(text) <= longest(command.step) else ""
    repair = Repair(answer=shown, fault=fault)
    return [unfit, next_call(command, generation, CallReason.REPAIR, repair)]


def _unanswered(command: RecordAnswer, generation: Generation, attempt: Attempt) -> Sequence[GenerationEvent]:
    lost = attempt.result is Result.UNCONFIRMED
    code, reason = storable(attempt.code or (LOST if lost else "rejected")), storable(attempt.reason)
    failed = GenerationStepFailed(**_common(command, attempt), result=attempt.result, code=code, reason=reason)
    if lost and generation.repeats < MOST_REPEATS:
        return [failed, next_call(command, generation, CallReason.LOST)]
    return [failed, generation_failed(command, generation, FailureCode.ANTHROPIC_ERROR, code, reason)]


def _deferred(command: RecordAnswer, attempt: Attempt) -> CallEvent:
    assert attempt.retry_at is not None
    return GenerationStepDeferred(
        **_common(command, attempt),
        code=storable(attempt.code or ""),
        reason=storable(attempt.reason),
        retry_at=attempt.retry_at,
    )


def _discarded(command: RecordAnswer, attempt: Attempt) -> CallEvent:
    return GenerationAnswerDiscarded(**_common(command, attempt), result=attempt.result)


class _AnswerFields(TypedDict):
    """The fields that every CallAnswered shares."""

    at: datetime
    owner: str
    generation_id: UUID
    step: Step
    call: int
    attempt: int
    provider: str
    usage: Usage


def _common(command: RecordAnswer, attempt: Attempt) -> _AnswerFields:
    return {
        "at": command.at,
        "owner": command.owner,
        "generation_id": command.generation_id,
        "step": command.step,
        "call": command.call,
        "attempt": attempt.number,
        "provider": attempt.provider,
        "usage": Usage.reported(attempt.output),
    }

"""Asking for a course, starting it, taking its answers in, retrying and cancelling it: the rules of the process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from commands.gccp.prompts import PROMPT_VERSION
from domain.gccp.answers import AnswerUnfit, checked, longest, size, storable
from domain.gccp.course import ContentMode, Counts, Step
from domain.gccp.generation import (
    CallEvent,
    CallReason,
    FailureCode,
    Generation,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationCancelled,
    GenerationCompleted,
    GenerationEvent,
    GenerationFailed,
    GenerationPhase,
    GenerationQueued,
    GenerationRetried,
    GenerationStarted,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    GenerationStepStarted,
    Repair,
    evolve,
)
from domain.gccp.usage import Usage
from domain.messages import Attempt, Command, Personal, Refused, Reply, Result

MOST_REPAIRS = 2
"""Calls per step that only mend an unfit answer. A retry by the owner grants them anew."""

MOST_REPEATS = 1
"""Calls per step that repeat one whose answer was lost though it may have been paid for. A retry grants it anew."""

LONGEST_TOPIC = 500
LONGEST_SUBTOPICS = 5_000
LONGEST_TRANSCRIPT = 150_000
"""Bytes as `size` counts them (see `LONGEST_DOCUMENT` for why): a transcript of three hours fits."""

ERASED = "erased"
LOST = "answer_lost"
UNFIT = "answer_unfit"
"""Causes of failure that are ours, beside the providers' own codes."""


class MissingFields(Refused, name="gccp.missing_fields", formerly="MissingFields"):
    """A course needs a topic and subtopics; an assignment needs at least one question. `fields` names what is missing.

    400 MISSING_FIELDS.
    """


class InvalidFields(Refused, name="gccp.invalid_fields", formerly="InvalidFields"):
    """A text is too long, or holds a character that is none. `fields` names it. 400 INVALID_FIELDS."""


class NotFound(Refused, name="gccp.not_found", formerly="NotFound"):
    """There is no such generation. 404 NOT_FOUND."""


class Forbidden(Refused, name="gccp.forbidden", formerly="Forbidden"):
    """The generation belongs to somebody else. 403 FORBIDDEN."""


class NotRetryable(Refused, name="gccp.not_retryable", formerly="NotRetryable"):
    """Only a failed generation can be retried. 400 RETRY_FAILED."""


class AlreadyOver(Refused, name="gccp.already_over", formerly="AlreadyOver"):
    """A generation that has completed or failed cannot be cancelled."""


class RequestGeneration(Command, name="gccp.generation.request.v1", key="owner", subject="owner"):
    """`subtopics` is separated by commas. `model` and `max_tokens` hold for every call until a retry brings others."""

    generation_id: UUID
    owner: str
    topic: Personal[str]
    subtopics: Personal[str]
    transcript: Personal[str] = None
    mode: ContentMode
    counts: Counts = Counts()
    model: str
    max_tokens: int


class StartGeneration(Command, name="gccp.generation.start.v1", key="owner", subject="owner"):
    generation_id: UUID
    owner: str


class RecordAnswer(Reply, name="gccp.generation.record_answer.v1", key="owner", subject="owner"):
    """The answer to a call; it holds what a model wrote for a person, so it is personal to them."""

    generation_id: UUID
    owner: str
    step: Step
    call: int
    attempt: Personal[Attempt] = None


class RetryGeneration(Command, name="gccp.generation.retry.v1", key="owner"):
    """`owner` is the generation's (its key), `caller` is who asks."""

    generation_id: UUID
    owner: str
    caller: str
    model: str
    max_tokens: int


class CancelGeneration(Command, name="gccp.generation.cancel.v1", key="owner"):
    """`owner` is the generation's (its key), `caller` is who asks."""

    generation_id: UUID
    owner: str
    caller: str


def request(command: RequestGeneration, generation: Generation) -> Sequence[GenerationEvent]:
    if generation.phase is not GenerationPhase.ABSENT:
        return []
    _check(command)
    queued = command.model_dump(exclude={"at"})
    return [GenerationQueued(at=command.at, **queued)]


def _check(command: RequestGeneration) -> None:
    topic, subtopics, transcript = command.topic or "", command.subtopics or "", command.transcript or ""
    given = {"topic": topic, "subtopics": subtopics.replace(",", "")}
    missing = [field for field, text in given.items() if not text.strip()]
    if command.mode is ContentMode.ASSIGNMENT and command.counts == Counts():
        missing.append("assignmentCounts")
    if missing:
        raise MissingFields(f"Missing required fields: {', '.join(missing)}", fields=missing)
    limits = (
        ("topic", topic, LONGEST_TOPIC),
        ("subtopics", subtopics, LONGEST_SUBTOPICS),
        ("transcript", transcript, LONGEST_TRANSCRIPT),
    )
    for field, text, most in limits:
        if storable(text) != text:
            raise InvalidFields(f"{field} holds a character that is not text", fields=[field])
        if size(text) > most:
            raise InvalidFields(f"{field} takes more than {most} bytes", fields=[field])


def start(command: StartGeneration, generation: Generation) -> Sequence[GenerationEvent]:
    if generation.phase is not GenerationPhase.QUEUED:
        return []
    if generation.erased:
        return [_failed(command, generation, FailureCode.GENERATION_FAILED, ERASED, "the owner's data was erased")]
    started = GenerationStarted(at=command.at, owner=command.owner, generation_id=command.generation_id)
    return [started, _call(command, generation, CallReason.FIRST)]


def record(command: RecordAnswer, generation: Generation) -> Sequence[GenerationEvent]:
    """An answer counts once: for the open call, or late for one that had been given up for lost."""
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
        return _call(command, evolve(generation, completed), CallReason.FIRST)
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
        return [unfit, _failed(command, generation, FailureCode.GENERATION_FAILED, UNFIT, reason)]
    shown = text if size(text) <= longest(command.step) else ""
    repair = Repair(answer=shown, fault=fault)
    return [unfit, _call(command, generation, CallReason.REPAIR, repair)]


def _unanswered(command: RecordAnswer, generation: Generation, attempt: Attempt) -> Sequence[GenerationEvent]:
    lost = attempt.result is Result.UNCONFIRMED
    code, reason = storable(attempt.code or (LOST if lost else "rejected")), storable(attempt.reason)
    failed = GenerationStepFailed(**_common(command, attempt), result=attempt.result, code=code, reason=reason)
    if lost and generation.repeats < MOST_REPEATS:
        return [failed, _call(command, generation, CallReason.LOST)]
    return [failed, _failed(command, generation, FailureCode.ANTHROPIC_ERROR, code, reason)]


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


def _call(
    command: StartGeneration | RecordAnswer, generation: Generation, reason: CallReason, repair: Repair | None = None
) -> GenerationStepStarted:
    return GenerationStepStarted(
        at=command.at,
        owner=command.owner,
        generation_id=command.generation_id,
        step=generation.step,
        call=generation.calls + 1,
        reason=reason,
        prompt_version=PROMPT_VERSION,
        model=generation.model,
        max_tokens=generation.max_tokens,
        brief=generation.brief(),
        repair=repair,
    )


def _failed(
    command: StartGeneration | RecordAnswer, generation: Generation, code: FailureCode, cause: str, reason: str
) -> GenerationFailed:
    return GenerationFailed(
        at=command.at,
        owner=command.owner,
        generation_id=command.generation_id,
        step=generation.step,
        code=code,
        cause=cause,
        reason=reason,
        topic=generation.topic,
        mode=generation.mode,
        duration_seconds=generation.seconds(command.at),
    )


def retry(command: RetryGeneration, generation: Generation) -> Sequence[GenerationEvent]:
    _check_owner(command, generation)
    if generation.phase is not GenerationPhase.FAILED:
        raise NotRetryable(f"only a failed generation can be retried; this one is {generation.phase}")
    if generation.erased:
        raise NotRetryable("what was asked for has been erased, so it cannot be retried")
    retried = GenerationRetried(
        at=command.at,
        owner=command.owner,
        generation_id=command.generation_id,
        resumed_from=generation.step,
        model=command.model,
        max_tokens=command.max_tokens,
    )
    return [retried]


def cancel(command: CancelGeneration, generation: Generation) -> Sequence[GenerationEvent]:
    _check_owner(command, generation)
    if generation.phase is GenerationPhase.CANCELLED:
        return []
    if generation.phase in (GenerationPhase.COMPLETED, GenerationPhase.FAILED):
        raise AlreadyOver(f"this generation has {generation.phase} already")
    cancelled = GenerationCancelled(
        at=command.at,
        owner=command.owner,
        generation_id=command.generation_id,
        step=generation.step,
        call_open=generation.open_call is not None,
        call=generation.open_call,
    )
    return [cancelled]


def _check_owner(command: RetryGeneration | CancelGeneration, generation: Generation) -> None:
    if generation.phase is GenerationPhase.ABSENT:
        raise NotFound("there is no such generation")
    if command.caller != generation.owner:
        raise Forbidden("this generation belongs to somebody else")

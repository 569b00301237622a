"""The generation of a course: its request, start, retry and cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from commands.gccp.prompts import PROMPT_VERSION
from domain.gccp.answers import size, storable
from domain.gccp.call import (
    CallReason,
    GenerationStepStarted,
    Repair,
)
from domain.gccp.course import ContentMode, Counts, Step
from domain.gccp.generation import (
    FailureCode,
    Generation,
    GenerationCancelled,
    GenerationEvent,
    GenerationFailed,
    GenerationPhase,
    GenerationQueued,
    GenerationRetried,
    GenerationStarted,
)
from domain.messages import Attempt, Command, Personal, Refused, Reply

LONGEST_TOPIC = 500
LONGEST_SUBTOPICS = 5_000
LONGEST_TRANSCRIPT = 150_000
"""Bytes as `size` counts them (see `LONGEST_DOCUMENT` for why): a transcript of three hours fits."""

ERASED = "erased"


class MissingFields(Refused, name="gccp.missing_fields", formerly="MissingFields"):
    """A course needs a topic and subtopics; an assignment needs at least one question. `fields` names the missing ones.

    400 MISSING_FIELDS.
    """


class InvalidFields(Refused, name="gccp.invalid_fields", formerly="InvalidFields"):
    """A text is too long, or holds an invalid character. `fields` names it. 400 INVALID_FIELDS."""


class NotFound(Refused, name="gccp.not_found", formerly="NotFound"):
    """No generation has this id. 404 NOT_FOUND."""


class Forbidden(Refused, name="gccp.forbidden", formerly="Forbidden"):
    """The generation belongs to another owner. 403 FORBIDDEN."""


class NotRetryable(Refused, name="gccp.not_retryable", formerly="NotRetryable"):
    """Only a failed generation can be retried. 400 RETRY_FAILED."""


class AlreadyOver(Refused, name="gccp.already_over", formerly="AlreadyOver"):
    """A generation that has completed or failed cannot be cancelled."""


class RequestGeneration(Command, name="gccp.generation.request.v1", key="owner", subject="owner"):
    """Request a course. `subtopics` is separated by commas. `model` and `max_tokens` apply until a retry."""

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
    """Record the answer to a call. It holds a model's text for a person, so it is personal."""

    generation_id: UUID
    owner: str
    step: Step
    call: int
    attempt: Personal[Attempt] = None


class RetryGeneration(Command, name="gccp.generation.retry.v1", key="owner", subject="owner"):
    """Continue a failed generation. `owner` is the generation's (its key); `caller` must be the owner."""

    generation_id: UUID
    owner: str
    caller: str
    model: str
    max_tokens: int


class CancelGeneration(Command, name="gccp.generation.cancel.v1", key="owner", subject="owner"):
    """Cancel a generation. `owner` is the generation's (its key); `caller` must be the owner."""

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
        return [
            generation_failed(command, generation, FailureCode.GENERATION_FAILED, ERASED, "the owner's data was erased")
        ]
    started = GenerationStarted(at=command.at, owner=command.owner, generation_id=command.generation_id)
    return [started, next_call(command, generation, CallReason.FIRST)]


def next_call(
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


def generation_failed(
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

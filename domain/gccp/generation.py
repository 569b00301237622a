"""A course being generated: queued, then five steps of one paid call each, then completed, failed or cancelled.

Every call that was answered is on record with what it used, whatever came of it. A step's output is its checkpoint:
it stands in the event that completes the step, and no later event takes it back. A lost answer is a call that was
paid for and not heard of again; it may still come in late, and is then recorded as discarded.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.gccp.call import (
    CallEvent,
    CallReason,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    GenerationStepStarted,
    OfGeneration,
)
from domain.gccp.course import Brief, ContentMode, Counts, Step
from domain.messages import Personal, Result

STEPS = tuple(Step)

_USES: dict[Step, tuple[Step, ...]] = {
    Step.TOPIC_ANALYSIS: (),
    Step.DRAFT_CREATION: (Step.TOPIC_ANALYSIS,),
    Step.REVIEW: (Step.DRAFT_CREATION,),
    Step.REFINEMENT: (Step.DRAFT_CREATION, Step.REVIEW),
    Step.FORMATTING: (Step.REFINEMENT,),
}
"""What each step goes on from. Only that is handed to it: every call's input is in the log, and tokens are paid for."""


class FailureCode(StrEnum):
    """Why a generation failed, in the document's words: for want of a usable answer, or of any answer."""

    GENERATION_FAILED = "GENERATION_FAILED"
    ANTHROPIC_ERROR = "ANTHROPIC_ERROR"


class GenerationQueued(OfGeneration, name="gccp.generation.queued.v1"):
    """`subtopics` is the list as it was given, separated by commas. `counts` matters in assignment mode only."""

    topic: Personal[str]
    subtopics: Personal[str]
    transcript: Personal[str] = None
    mode: ContentMode
    counts: Counts = Counts()
    model: str
    max_tokens: int


class GenerationStarted(OfGeneration, name="gccp.generation.started.v1"):
    pass


class GenerationCompleted(OfGeneration, name="gccp.generation.completed.v1"):
    """All five steps are done; the content is what Formatting put out. Seconds since it was (last) queued."""

    topic: Personal[str]
    mode: ContentMode
    duration_seconds: float


class GenerationFailed(OfGeneration, name="gccp.generation.failed.v1"):
    """`cause` is the provider's own code, or ours for an answer that was lost or unfit."""

    step: Step
    code: FailureCode
    cause: str
    reason: str
    topic: Personal[str]
    mode: ContentMode
    duration_seconds: float


class GenerationRetried(OfGeneration, name="gccp.generation.retried.v1"):
    """Queued again, to go on with the step that failed."""

    resumed_from: Step
    model: str
    max_tokens: int


class GenerationCancelled(OfGeneration, name="gccp.generation.cancelled.v1"):
    """`call` was open (`call_open`): if it still waited it is not made, else its cost may yet come in."""

    step: Step
    call_open: bool
    call: int | None = None


GenerationEvent = (
    GenerationQueued
    | GenerationStarted
    | CallEvent
    | GenerationCompleted
    | GenerationFailed
    | GenerationRetried
    | GenerationCancelled
)


class GenerationPhase(StrEnum):
    ABSENT = "absent"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Generation(BaseModel):
    """`step` is the one being done or to be done next. `heard` is the last attempt of the open call on record.

    `lost` are the calls, and the attempt of each, that were given up without a word of what they used: of those,
    something may yet be heard.
    """

    model_config = ConfigDict(frozen=True)

    phase: GenerationPhase = GenerationPhase.ABSENT
    owner: str = ""
    topic: str | None = None
    subtopics: str | None = None
    transcript: str | None = None
    mode: ContentMode = ContentMode.LECTURE
    counts: Counts = Counts()
    model: str = ""
    max_tokens: int = 0
    queued_at: datetime | None = None
    step: Step = Step.TOPIC_ANALYSIS
    outputs: dict[Step, str | None] = {}
    calls: int = 0
    open_call: int | None = None
    heard: int = 0
    lost: dict[int, int] = {}
    repairs: int = 0
    repeats: int = 0

    @property
    def erased(self) -> bool:
        """Whether what was asked for is no longer known, its owner having been erased."""
        return self.topic is None

    @property
    def following(self) -> Step | None:
        """The step after this one, None after the last."""
        place = STEPS.index(self.step) + 1
        return STEPS[place] if place < len(STEPS) else None

    def seconds(self, at: datetime) -> float:
        """How long it has been since the generation was (last) queued."""
        return 0.0 if self.queued_at is None else max(0.0, (at - self.queued_at).total_seconds())

    def brief(self) -> Brief | None:
        """What the current step is to be done from; None once its owner has been erased."""
        if self.topic is None:
            return None
        return Brief(
            topic=self.topic,
            subtopics=tuple(part.strip() for part in (self.subtopics or "").split(",")),
            mode=self.mode,
            transcript="" if self.step is Step.FORMATTING else self.transcript or "",
            counts=self.counts,
            earlier={step: self.outputs.get(step) or "" for step in _USES[self.step]},
        )


def evolve(generation: Generation, event: GenerationEvent) -> Generation:
    match event:
        case GenerationQueued():
            return _queued(event)
        case GenerationStarted() | GenerationFailed():
            phase = GenerationPhase.PROCESSING if isinstance(event, GenerationStarted) else GenerationPhase.FAILED
            return generation.model_copy(update={"phase": phase})
        case GenerationCompleted() | GenerationCancelled():
            return _over(
                generation,
                GenerationPhase.COMPLETED if isinstance(event, GenerationCompleted) else GenerationPhase.CANCELLED,
            )
        case GenerationRetried():
            return _requeued(generation, event)
        case _:
            return _called(generation, event)


def _queued(event: GenerationQueued) -> Generation:
    return Generation(
        phase=GenerationPhase.QUEUED,
        owner=event.owner,
        topic=event.topic,
        subtopics=event.subtopics,
        transcript=event.transcript,
        mode=event.mode,
        counts=event.counts,
        model=event.model,
        max_tokens=event.max_tokens,
        queued_at=event.at,
    )


def _over(generation: Generation, phase: GenerationPhase) -> Generation:
    """Texts are dropped: nothing can be done with them any more, and states are kept in memory."""
    without: dict[str, object] = {"topic": None, "subtopics": None, "transcript": None, "outputs": {}}
    return generation.model_copy(update={"phase": phase, **without})


def _requeued(generation: Generation, event: GenerationRetried) -> Generation:
    fresh = {"phase": GenerationPhase.QUEUED, "queued_at": event.at, "repairs": 0, "repeats": 0}
    return generation.model_copy(update={**fresh, "model": event.model, "max_tokens": event.max_tokens})


def _called(generation: Generation, event: CallEvent) -> Generation:
    match event:
        case GenerationStepStarted():
            again = {"repairs": generation.repairs + (event.reason is CallReason.REPAIR)}
            again |= {"repeats": generation.repeats + (event.reason is CallReason.LOST)}
            return generation.model_copy(update={"calls": event.call, "open_call": event.call, "heard": 0, **again})
        case GenerationStepDeferred():
            return generation.model_copy(update={"heard": event.attempt})
        case GenerationStepCompleted():
            return _checkpointed(generation, event)
        case GenerationAnswerUnfit():
            return generation.model_copy(update={"open_call": None})
        case GenerationStepFailed() | GenerationAnswerDiscarded():
            return _closed(generation, event)
        case _:
            assert_never(event)


def _checkpointed(generation: Generation, event: GenerationStepCompleted) -> Generation:
    outputs = generation.outputs | {event.step: event.output}
    done = {"outputs": outputs, "step": generation.following or event.step}
    return generation.model_copy(update={"open_call": None, "repairs": 0, "repeats": 0, **done})


def _closed(generation: Generation, event: GenerationStepFailed | GenerationAnswerDiscarded) -> Generation:
    still_open = None if event.call == generation.open_call else generation.open_call
    lost = {call: attempt for call, attempt in generation.lost.items() if call != event.call}
    if event.result is Result.UNCONFIRMED and not event.usage.known:
        lost[event.call] = event.attempt
    return generation.model_copy(update={"open_call": still_open, "lost": lost})

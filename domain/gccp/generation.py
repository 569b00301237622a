"""The generation of a course: queued, then five steps of one paid call each, then completed, failed or cancelled.

Every answered call is recorded with its usage, used or not. A step's output is its checkpoint: the event that completes
the step holds it, and no later event revokes it. A lost answer belongs to a call that was paid for and got no answer;
it may still come in late, and is then recorded as discarded.
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
from domain.messages import Personal, Remark, Result

STEPS = tuple(Step)

_USES: dict[Step, tuple[Step, ...]] = {
    Step.TOPIC_ANALYSIS: (),
    Step.DRAFT_CREATION: (Step.TOPIC_ANALYSIS,),
    Step.REVIEW: (Step.DRAFT_CREATION,),
    Step.REFINEMENT: (Step.DRAFT_CREATION, Step.REVIEW),
    Step.FORMATTING: (Step.REFINEMENT,),
}
"""The earlier steps whose outputs each step uses. It gets no others: every input is logged, and tokens cost money."""


class FailureCode(StrEnum):
    """The code of a failed generation, in the document's words: no usable answer, or no answer at all."""

    GENERATION_FAILED = "GENERATION_FAILED"
    ANTHROPIC_ERROR = "ANTHROPIC_ERROR"


class GenerationQueued(OfGeneration, name="gccp.generation.queued.v1"):
    """A request. `subtopics` is the list as given, separated by commas. `counts` matters in assignment mode only."""

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
    """The end of all five steps. The content is the output of Formatting; seconds count from the (last) queueing."""

    topic: Personal[str]
    mode: ContentMode
    duration_seconds: float


class GenerationFailed(OfGeneration, name="gccp.generation.failed.v1"):
    """The end without content. `cause` is the provider's own code, or ours for a lost or unfit answer."""

    step: Step
    code: FailureCode
    cause: str
    reason: Remark
    topic: Personal[str]
    mode: ContentMode
    duration_seconds: float


class GenerationRetried(OfGeneration, name="gccp.generation.retried.v1"):
    """The generation is queued again, to continue with the failed step."""

    resumed_from: Step
    model: str
    max_tokens: int


class GenerationCancelled(OfGeneration, name="gccp.generation.cancelled.v1"):
    """The generation was called off. A waiting `call` (`call_open`) is not made; else its cost may still come in."""

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
    """The state of a generation. `step` is current or next, `heard` the last recorded attempt of the open call.

    `lost` maps the calls that were given up without known usage to their last attempt: an answer may still come in.
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
        """Whether the request is no longer known, as its owner has been erased."""
        return self.topic is None

    @property
    def following(self) -> Step | None:
        """The step after the current one; None after the last."""
        place = STEPS.index(self.step) + 1
        return STEPS[place] if place < len(STEPS) else None

    def seconds(self, at: datetime) -> float:
        """The seconds since the generation was (last) queued."""
        return 0.0 if self.queued_at is None else max(0.0, (at - self.queued_at).total_seconds())

    def brief(self) -> Brief | None:
        """The brief of the current step; None once its owner has been erased."""
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
    """Drop the texts: no later step needs them, and states are cached in memory."""
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

"""A generation at any point of its life, and answers to its calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from commands.gccp.generation import RecordAnswer, RequestGeneration, StartGeneration
from commands.gccp.wiring import GCCP
from domain.gccp.call import GenerationStepStarted
from domain.gccp.course import ContentMode, Counts, Step
from domain.messages import Attempt, Result
from streams.testing import Scenario

START = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
OWNER = "550e8400-e29b-41d4-a716-446655440001"
OTHER = "550e8400-e29b-41d4-a716-446655440002"
ID = UUID("550e8400-e29b-41d4-a716-446655440000")
STEPS = tuple(Step)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def request(**changed: Any) -> RequestGeneration:
    asked: dict[str, Any] = {
        "at": START,
        "generation_id": ID,
        "owner": OWNER,
        "topic": "Machine learning",
        "mode": ContentMode.LECTURE,
        "subtopics": "supervised, unsupervised",
        "transcript": "What was said.",
        "model": "claude",
        "max_tokens": 10_000,
    }
    return RequestGeneration.model_validate(asked | changed)


def start(seconds: float = 1) -> StartGeneration:
    return StartGeneration(at=later(seconds), generation_id=ID, owner=OWNER)


def attempt(
    result: Result = Result.ACCEPTED,
    number: int = 1,
    text: str = "# Text",
    stop_reason: str = "end_turn",
    retry_at: datetime | None = None,
    **changed: str,
) -> Attempt:
    """An attempt as the worker reports it; an accepted one used 10 and 20 tokens for 300 microcents."""
    output = {
        "text": text,
        "stop_reason": stop_reason,
        "model": "claude",
        "input_tokens": 10,
        "output_tokens": 20,
        "cost_microcents": 300,
    }
    if result is Result.DEFERRED:
        retry_at = retry_at or later(30)
    told = {"provider": "anthropic", "provider_id": "msg_1", "retry_at": retry_at, **changed}
    used = output if result is Result.ACCEPTED else None
    return Attempt.model_validate({"result": result, "number": number, "output": used, **told})


def answer(step: Step, call: int, seconds: float = 5, given: Attempt | None = None) -> RecordAnswer:
    """An answer to that call, accepted unless another is given."""
    return RecordAnswer(
        at=later(seconds), generation_id=ID, owner=OWNER, step=step, call=call, attempt=given or attempt()
    )


def requested(**changed: Any) -> Scenario:
    return after(Scenario(GCCP), request(**changed))


def started(**changed: Any) -> Scenario:
    """The first call is under way."""
    return after(requested(**changed), start())


def at_step(step: Step, **changed: Any) -> Scenario:
    """That step's first call is under way; every step before took one call."""
    scenario = started(**changed)
    for number, done in enumerate(STEPS[: STEPS.index(step)], 1):
        scenario = after(scenario, answer(done, number, given=attempt(text=f"output of {done}")))
    return scenario


def after(scenario: Scenario, command: Any) -> Scenario:
    """The scenario once this command was decided, whatever followed."""
    decided = scenario.when(command)
    assert decided.refusal is None, decided.refusal
    return Scenario(GCCP, (*decided.history, *decided.produced))


def only_call(scenario: Scenario) -> GenerationStepStarted:
    (call,) = (event for event in scenario.produced if isinstance(event, GenerationStepStarted))
    return call


def assignment(counts: Counts) -> str:
    """An assignment with these numbers of questions, as a model might write it."""
    options = [{"label": label, "text": f"option {label}"} for label in "ABCD"]
    mcsc = {"type": "mcsc", "options": options, "answer": ["A"]}
    mcmc = {"type": "mcmc", "options": options, "answer": ["A", "C"]}
    prose = {"type": "subjective", "model_answer": "Because.", "points": ["says why"]}
    kinds = [mcsc] * counts.mcsc + [mcmc] * counts.mcmc + [prose] * counts.subjective
    questions = [kind | {"question": f"What is {number}?"} for number, kind in enumerate(kinds)]
    return json.dumps({"topic": "T", "questions": questions}, indent=2)

"""The rules of a generation, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from commands.gccp.generation import (
    LONGEST_SUBTOPICS,
    LONGEST_TOPIC,
    LONGEST_TRANSCRIPT,
    AlreadyOver,
    CancelGeneration,
    Forbidden,
    InvalidFields,
    MissingFields,
    NotFound,
    NotRetryable,
    RetryGeneration,
)
from commands.gccp.wiring import GCCP
from domain.gccp.call import (
    CallReason,
    GenerationAnswerDiscarded,
    GenerationStepCompleted,
    GenerationStepFailed,
    GenerationStepStarted,
)
from domain.gccp.course import ContentMode, Counts, Step
from domain.gccp.generation import (
    FailureCode,
    Generation,
    GenerationCancelled,
    GenerationCompleted,
    GenerationFailed,
    GenerationQueued,
    GenerationRetried,
    GenerationStarted,
    evolve,
)
from domain.gccp.usage import Usage
from domain.messages import Result
from streams.testing import Scenario
from tests.commands.gccp.examples import (
    ID,
    OTHER,
    OWNER,
    after,
    answer,
    at_step,
    attempt,
    later,
    only_call,
    request,
    requested,
    start,
    started,
)

USED = Usage(model="claude", input_tokens=10, output_tokens=20, cost_microcents=300)
COUNTS = Counts(mcsc=3, mcmc=2, subjective=1)


def retry(caller: str = OWNER, **changed: Any) -> RetryGeneration:
    given = {"at": later(60), "generation_id": ID, "owner": OWNER, "caller": caller, "model": "other", "max_tokens": 9}
    return RetryGeneration.model_validate(given | changed)


def cancel(caller: str = OWNER) -> CancelGeneration:
    return CancelGeneration(at=later(3), generation_id=ID, owner=OWNER, caller=caller)


def state(scenario: Scenario) -> Generation:
    generation = Generation()
    for event in (*scenario.history, *scenario.produced):
        generation = evolve(generation, event)  # type: ignore[arg-type]
    return generation


# --- asking ---------------------------------------------------------------------------------------------------------


def test_a_request_is_queued_with_all_that_was_asked_for() -> None:
    wish = request(mode=ContentMode.ASSIGNMENT, counts=COUNTS)
    Scenario(GCCP).when(wish).then(GenerationQueued(**wish.model_dump()))


def test_the_same_request_again_changes_nothing() -> None:
    requested().when(request()).then_nothing()


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"topic": " "}, ["topic"]),
        ({"subtopics": " , "}, ["subtopics"]),
        ({"topic": "", "subtopics": ""}, ["topic", "subtopics"]),
        ({"mode": "assignment"}, ["assignmentCounts"]),
    ],
)
def test_a_request_without_what_it_needs_is_refused_and_told_so(changed: dict[str, Any], missing: list[str]) -> None:
    refused = Scenario(GCCP).when(request(**changed)).then_refused(MissingFields)
    assert refused.refusal is not None
    assert refused.refusal.details == {"fields": missing}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("topic", "a" * 501),
        ("subtopics", "a" * 5001),
        ("transcript", "é" * (LONGEST_TRANSCRIPT // 2)),
        ("topic", "a\0b"),
        ("transcript", "a\ud800"),
    ],
)
def test_a_text_that_could_not_be_kept_is_refused(field: str, text: str) -> None:
    refused = Scenario(GCCP).when(request().model_copy(update={field: text})).then_refused(InvalidFields)
    assert refused.refusal is not None
    assert refused.refusal.details == {"fields": [field]}


@pytest.mark.parametrize(
    ("field", "most"), [("topic", LONGEST_TOPIC), ("subtopics", LONGEST_SUBTOPICS), ("transcript", LONGEST_TRANSCRIPT)]
)
def test_a_text_of_just_the_largest_size_is_taken(field: str, most: int) -> None:
    Scenario(GCCP).when(request(**{field: "a" * (most - 2)})).then_kinds(GenerationQueued)
    refused = Scenario(GCCP).when(request(**{field: "a" * (most - 1)})).then_refused(InvalidFields)
    assert refused.refusal is not None
    assert refused.refusal.sentence == f"{field} takes more than {most} bytes"


# --- the five steps -------------------------------------------------------------------------------------------------


def test_a_queued_generation_starts_with_its_first_step() -> None:
    scenario = requested().when(start()).then_kinds(GenerationStarted, GenerationStepStarted)
    call = only_call(scenario)
    assert (call.step, call.call, call.reason) == (Step.TOPIC_ANALYSIS, 1, CallReason.FIRST)
    assert (call.model, call.max_tokens) == ("claude", 10_000)


def test_whoever_s_texts_an_event_may_hold_is_named_by_the_command_so_that_their_key_is_at_hand() -> None:
    assert start().subject == request().subject == answer(Step.REVIEW, 3).subject == f"gccp:{OWNER}"


def test_a_generation_starts_once() -> None:
    started().when(start()).then_nothing()


def test_a_finished_step_is_a_checkpoint_and_the_next_one_begins() -> None:
    scenario = started().when(answer(Step.TOPIC_ANALYSIS, 1))
    scenario.then_kinds(GenerationStepCompleted, GenerationStepStarted)
    done = scenario.produced[0]
    assert done == GenerationStepCompleted(
        at=later(5),
        owner=OWNER,
        generation_id=ID,
        step=Step.TOPIC_ANALYSIS,
        call=1,
        attempt=1,
        provider="anthropic",
        usage=USED,
        provider_id="msg_1",
        output="# Text",
    )
    assert (only_call(scenario).step, only_call(scenario).call) == (Step.DRAFT_CREATION, 2)


@pytest.mark.parametrize(
    ("step", "earlier", "transcript"),
    [
        (Step.TOPIC_ANALYSIS, [], True),
        (Step.DRAFT_CREATION, [Step.TOPIC_ANALYSIS], True),
        (Step.REVIEW, [Step.DRAFT_CREATION], True),
        (Step.REFINEMENT, [Step.DRAFT_CREATION, Step.REVIEW], True),
        (Step.FORMATTING, [Step.REFINEMENT], False),
    ],
)
def test_each_step_is_given_what_it_goes_on_from_and_no_more(step: Step, earlier: list[Step], transcript: bool) -> None:
    calls = [event for event in at_step(step).history if isinstance(event, GenerationStepStarted)]
    brief = calls[-1].brief
    assert brief is not None
    assert brief.earlier == {one: f"output of {one}" for one in earlier}
    assert brief.transcript == ("What was said." if transcript else "")
    assert brief.subtopics == ("supervised", "unsupervised")


def test_after_the_last_step_the_generation_is_complete() -> None:
    scenario = at_step(Step.FORMATTING).when(answer(Step.FORMATTING, 5, seconds=45))
    scenario.then_kinds(GenerationStepCompleted, GenerationCompleted)
    assert scenario.produced[1] == GenerationCompleted(
        at=later(45),
        owner=OWNER,
        generation_id=ID,
        topic="Machine learning",
        mode=ContentMode.LECTURE,
        duration_seconds=45,
    )


def test_a_finished_generation_keeps_no_texts_in_memory() -> None:
    done = after(at_step(Step.FORMATTING), answer(Step.FORMATTING, 5))
    assert state(done).outputs == {}
    assert state(done).transcript is None


@pytest.mark.parametrize("step", list(Step))
def test_a_finished_step_takes_no_second_answer(step: Step) -> None:
    number = list(Step).index(step) + 1
    done = after(at_step(step), answer(step, number))
    for result in Result:
        done.when(answer(step, number, given=attempt(result, number=2))).then_nothing()


def test_an_answer_to_a_call_that_was_never_made_is_passed_over() -> None:
    started().when(answer(Step.DRAFT_CREATION, 2)).then_nothing()
    requested().when(answer(Step.TOPIC_ANALYSIS, 1)).then_nothing()


def test_an_erased_owner_s_answer_is_passed_over() -> None:
    started().when(answer(Step.TOPIC_ANALYSIS, 1).model_copy(update={"attempt": None})).then_nothing()


def test_what_an_erased_owner_asked_for_is_not_begun() -> None:
    erased = GenerationQueued.model_validate(request().model_dump() | {"topic": None, "subtopics": None})
    scenario = Scenario(GCCP).given(erased).when(start()).then_kinds(GenerationFailed)
    failed = scenario.produced[0]
    assert isinstance(failed, GenerationFailed)
    assert (failed.code, failed.cause) == (FailureCode.GENERATION_FAILED, "erased")
    assert failed.reason == "the owner's data was erased"


# --- retrying -------------------------------------------------------------------------------------------------------


def failed_at(step: Step) -> Scenario:
    number = list(Step).index(step) + 1
    return after(at_step(step), answer(step, number, given=attempt(Result.REJECTED, code="overloaded_error")))


@pytest.mark.parametrize("step", list(Step))
def test_a_retry_resumes_at_the_step_that_failed_and_repeats_none_before_it(step: Step) -> None:
    resumed = (
        failed_at(step)
        .when(retry())
        .then(
            GenerationRetried(
                at=later(60), owner=OWNER, generation_id=ID, resumed_from=step, model="other", max_tokens=9
            )
        )
    )
    call = only_call(resumed.when(start(61)).then_kinds(GenerationStarted, GenerationStepStarted))
    assert (call.step, call.call) == (step, list(Step).index(step) + 2)
    assert (call.model, call.max_tokens) == ("other", 9)
    assert call.brief is not None
    assert all(text == f"output of {earlier}" for earlier, text in call.brief.earlier.items())


def test_a_retry_grants_repairs_and_repeats_anew() -> None:
    lost = attempt(Result.UNCONFIRMED)
    scenario = after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=lost))
    scenario = after(after(scenario, answer(Step.TOPIC_ANALYSIS, 2, given=lost)), retry())
    scenario = after(scenario, start(61))
    scenario.when(answer(Step.TOPIC_ANALYSIS, 3, given=lost)).then_kinds(GenerationStepFailed, GenerationStepStarted)


def test_a_retried_generation_takes_as_long_as_it_took_since() -> None:
    resumed = after(after(failed_at(Step.FORMATTING), retry()), start(61))
    done = resumed.when(answer(Step.FORMATTING, 6, seconds=70)).produced[1]
    assert isinstance(done, GenerationCompleted)
    assert done.duration_seconds == 10


def test_only_a_failed_generation_can_be_retried() -> None:
    completed = after(at_step(Step.FORMATTING), answer(Step.FORMATTING, 5))
    for scenario in (
        requested(),
        started(),
        completed,
        after(started(), cancel()),
        after(failed_at(Step.REVIEW), retry()),
    ):
        scenario.when(retry()).then_refused(NotRetryable)


def test_somebody_else_s_generation_cannot_be_retried_or_cancelled() -> None:
    failed_at(Step.REVIEW).when(retry(caller=OTHER)).then_refused(Forbidden)
    started().when(cancel(caller=OTHER)).then_refused(Forbidden)


def test_what_does_not_exist_cannot_be_retried_or_cancelled() -> None:
    Scenario(GCCP).when(retry()).then_refused(NotFound)
    Scenario(GCCP).when(cancel()).then_refused(NotFound)


def test_what_has_been_erased_cannot_be_retried() -> None:
    erased = GenerationQueued.model_validate(request().model_dump() | {"topic": None})
    after(Scenario(GCCP).given(erased), start()).when(retry()).then_refused(NotRetryable)


# --- cancelling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call_open", [False, True])
def test_cancelling_says_whether_a_call_was_under_way(call_open: bool) -> None:
    scenario = started() if call_open else requested()
    scenario.when(cancel()).then(
        GenerationCancelled(
            at=later(3),
            owner=OWNER,
            generation_id=ID,
            step=Step.TOPIC_ANALYSIS,
            call_open=call_open,
            call=1 if call_open else None,
        )
    )


def test_a_cancelled_generation_does_not_start() -> None:
    after(requested(), cancel()).when(start()).then_nothing()


@pytest.mark.parametrize("result", list(Result))
def test_the_answer_to_a_cancelled_generation_s_call_is_paid_for_and_leads_to_nothing(result: Result) -> None:
    cancelled = after(started(), cancel())
    scenario = cancelled.when(answer(Step.TOPIC_ANALYSIS, 1, given=attempt(result)))
    scenario.then_kinds(GenerationAnswerDiscarded)
    assert scenario.produced[0].model_dump()["usage"]["cost_microcents"] == (300 if result is Result.ACCEPTED else 0)


def test_cancelling_twice_is_cancelling_once() -> None:
    after(started(), cancel()).when(cancel()).then_nothing()


def test_what_is_over_cannot_be_cancelled() -> None:
    after(at_step(Step.FORMATTING), answer(Step.FORMATTING, 5)).when(cancel()).then_refused(AlreadyOver)
    failed_at(Step.REVIEW).when(cancel()).then_refused(AlreadyOver)

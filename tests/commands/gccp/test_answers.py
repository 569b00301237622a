"""What becomes of a call: its answer may be put off, refused, lost, late or unfit."""

from __future__ import annotations

from commands.gccp.answer import MOST_REPAIRS
from commands.gccp.generation import LONGEST_TRANSCRIPT
from domain.gccp.call import (
    CallReason,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    GenerationStepStarted,
)
from domain.gccp.course import Counts, Step, parse_assignment
from domain.gccp.generation import FailureCode, GenerationCompleted, GenerationFailed
from domain.gccp.usage import Usage
from domain.messages import Attempt, Result
from tests.commands.gccp.examples import (
    START,
    after,
    answer,
    assignment,
    at_step,
    attempt,
    later,
    only_call,
    started,
)

USED = Usage(model="claude", input_tokens=10, output_tokens=20, cost_microcents=300)
COUNTS = Counts(mcsc=3, mcmc=2, subjective=1)


# --- waiting --------------------------------------------------------------------------------------------------------


def test_a_deferred_attempt_is_recorded_with_its_time_and_the_call_stays_open() -> None:
    busy = attempt(Result.DEFERRED, code="rate_limit_error", reason="slow down", retry_at=later(30))
    waiting = started().when(answer(Step.TOPIC_ANALYSIS, 1, given=busy)).then_kinds(GenerationStepDeferred)
    deferred = waiting.produced[0]
    assert isinstance(deferred, GenerationStepDeferred)
    assert (deferred.attempt, deferred.code, deferred.retry_at) == (1, "rate_limit_error", later(30))
    second = answer(Step.TOPIC_ANALYSIS, 1, given=attempt(number=2))
    after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=busy)).when(second).then_kinds(
        GenerationStepCompleted, GenerationStepStarted
    )


def test_a_deferred_attempt_counts_once() -> None:
    busy = attempt(Result.DEFERRED, retry_at=later(30))
    waiting = after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=busy))
    waiting.when(answer(Step.TOPIC_ANALYSIS, 1, given=busy)).then_nothing()


def test_what_a_failed_attempt_used_is_recorded_too() -> None:
    for result in (Result.REJECTED, Result.DEFERRED, Result.UNCONFIRMED):
        event = started().when(answer(Step.TOPIC_ANALYSIS, 1, given=at_cost(result))).produced[0]
        assert isinstance(event, GenerationStepFailed | GenerationStepDeferred)
        assert event.usage == USED


def at_cost(result: Result) -> Attempt:
    return attempt(result).model_copy(update={"output": USED.model_dump()})


# --- failing --------------------------------------------------------------------------------------------------------


def test_a_rejected_call_fails_the_generation_with_the_document_s_code() -> None:
    rejected = attempt(Result.REJECTED, code="invalid_request_error", reason="no such model")
    scenario = at_step(Step.REVIEW).when(answer(Step.REVIEW, 3, given=rejected))
    scenario.then_kinds(GenerationStepFailed, GenerationFailed)
    failed = scenario.produced[1]
    assert isinstance(failed, GenerationFailed)
    assert (failed.step, failed.code) == (Step.REVIEW, FailureCode.ANTHROPIC_ERROR)
    assert (failed.cause, failed.reason) == ("invalid_request_error", "no such model")


def test_a_lost_answer_is_recorded_and_the_call_repeated_once() -> None:
    lost = answer(Step.TOPIC_ANALYSIS, 1, given=attempt(Result.UNCONFIRMED, reason="no answer came"))
    scenario = started().when(lost).then_kinds(GenerationStepFailed, GenerationStepStarted)
    call = only_call(scenario)
    assert (call.step, call.call, call.reason) == (Step.TOPIC_ANALYSIS, 2, CallReason.LOST)
    again = answer(Step.TOPIC_ANALYSIS, 2, given=attempt(Result.UNCONFIRMED))
    given_up = after(started(), lost).when(again).then_kinds(GenerationStepFailed, GenerationFailed)
    assert given_up.produced[1].model_dump()["cause"] == "answer_lost"


def test_the_budget_for_lost_answers_is_each_step_s_own() -> None:
    lost = attempt(Result.UNCONFIRMED)
    scenario = after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=lost))
    scenario = after(scenario, answer(Step.TOPIC_ANALYSIS, 2))
    scenario.when(answer(Step.DRAFT_CREATION, 3, given=lost)).then_kinds(GenerationStepFailed, GenerationStepStarted)


def test_a_lost_answer_that_comes_in_late_is_paid_for_and_not_used() -> None:
    scenario = after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=attempt(Result.UNCONFIRMED)))
    late = scenario.when(answer(Step.TOPIC_ANALYSIS, 1)).then_kinds(GenerationAnswerDiscarded)
    discarded = late.produced[0]
    assert isinstance(discarded, GenerationAnswerDiscarded)
    assert discarded.usage == USED
    after(scenario, answer(Step.TOPIC_ANALYSIS, 1)).when(answer(Step.TOPIC_ANALYSIS, 1)).then_nothing()


def test_a_loss_that_is_reported_twice_is_one_loss() -> None:
    for given in (attempt(Result.UNCONFIRMED), at_cost(Result.UNCONFIRMED)):
        lost = answer(Step.TOPIC_ANALYSIS, 1, given=given)
        after(started(), lost).when(lost).then_nothing()


def test_what_was_heard_before_a_loss_is_no_news_after_it() -> None:
    busy = answer(Step.TOPIC_ANALYSIS, 1, given=at_cost(Result.DEFERRED))
    lost = answer(Step.TOPIC_ANALYSIS, 1, given=attempt(Result.UNCONFIRMED, number=2))
    after(after(started(), busy), lost).when(busy).then_nothing()


def test_a_loss_whose_cost_is_heard_of_late_is_paid_for() -> None:
    scenario = after(started(), answer(Step.TOPIC_ANALYSIS, 1, given=attempt(Result.UNCONFIRMED)))
    late = answer(Step.TOPIC_ANALYSIS, 1, given=at_cost(Result.UNCONFIRMED))
    scenario.when(late).then_kinds(GenerationAnswerDiscarded)
    after(scenario, late).when(late).then_nothing()


# --- unfit answers --------------------------------------------------------------------------------------------------


def test_an_unfit_assignment_is_mended_by_a_call_that_says_what_is_wrong() -> None:
    scenario = at_step(Step.DRAFT_CREATION, mode="assignment", counts=COUNTS)
    unfit = assignment(COUNTS.model_copy(update={"mcsc": 2}))
    mending = scenario.when(answer(Step.DRAFT_CREATION, 2, given=attempt(text=unfit)))
    mending.then_kinds(GenerationAnswerUnfit, GenerationStepStarted)
    call = only_call(mending)
    assert (call.step, call.reason) == (Step.DRAFT_CREATION, CallReason.REPAIR)
    assert call.repair is not None
    assert call.repair.answer == unfit
    assert "3 mcsc" in call.repair.fault
    assert mending.produced[0].model_dump()["usage"]["cost_microcents"] == 300


def test_an_assignment_that_stays_unfit_fails_honestly_after_the_repairs() -> None:
    scenario = at_step(Step.DRAFT_CREATION, mode="assignment", counts=COUNTS)
    unfit = attempt(text="Here you are: an assignment!")
    for call in range(2, 2 + MOST_REPAIRS):
        scenario = after(scenario, answer(Step.DRAFT_CREATION, call, given=unfit))
    last = scenario.when(answer(Step.DRAFT_CREATION, 2 + MOST_REPAIRS, given=unfit))
    last.then_kinds(GenerationAnswerUnfit, GenerationFailed)
    failed = last.produced[1]
    assert isinstance(failed, GenerationFailed)
    assert (failed.code, failed.cause) == (FailureCode.GENERATION_FAILED, "answer_unfit")


def test_a_complete_assignment_has_exactly_the_numbers_asked_for() -> None:
    scenario = started(mode="assignment", counts=COUNTS)
    for call, step in enumerate(Step, 1):
        scenario = after(scenario, answer(step, call, given=attempt(text=assignment(COUNTS))))
    done = [event for event in scenario.history if isinstance(event, GenerationStepCompleted)]
    assert isinstance(scenario.history[-1], GenerationCompleted)
    assert parse_assignment(done[-1].output or "", COUNTS).counts() == COUNTS


def test_an_answer_cut_short_is_asked_for_again() -> None:
    cut = attempt(stop_reason="max_tokens")
    started().when(answer(Step.TOPIC_ANALYSIS, 1, given=cut)).then_kinds(GenerationAnswerUnfit, GenerationStepStarted)


def test_an_answer_too_long_to_be_kept_is_not_handed_back() -> None:
    long = answer(Step.TOPIC_ANALYSIS, 1, given=attempt(text="a" * 60_000))
    call = only_call(started().when(long))
    assert call.repair is not None
    assert call.repair.answer == ""


def test_no_event_is_too_large_for_kafka_with_every_text_at_its_limit() -> None:
    scenario = started(transcript='"' * (LONGEST_TRANSCRIPT // 2 - 1))
    longest = {Step.TOPIC_ANALYSIS: 50_000, Step.DRAFT_CREATION: 200_000, Step.REVIEW: 50_000}
    for call, (step, size) in enumerate(longest.items(), 1):
        scenario = after(scenario, answer(step, call, given=attempt(text="\n" * (size // 2 - 2) + "é")))
    cut = attempt(text="é" * 99_000, stop_reason="max_tokens")
    call_ = only_call(scenario.when(answer(Step.REFINEMENT, 4, given=cut)))
    assert call_.at > START
    assert len(call_.model_dump_json(exclude={"brief", "repair"})) < 1_000
    assert call_.brief is not None
    assert call_.repair is not None
    sealed = len(call_.brief.model_dump_json().encode()) + len(call_.repair.model_dump_json().encode())
    assert sealed * 4 / 3 < 1_000_000

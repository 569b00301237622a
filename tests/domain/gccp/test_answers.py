"""What counts as an answer to a step."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gccp.answers import LONGEST_DOCUMENT, LONGEST_NOTES, AnswerUnfit, checked, storable
from domain.gccp.course import ContentMode, Counts, Step, parse_assignment
from tests.commands.gccp.examples import assignment

COUNTS = Counts(mcsc=2, mcmc=1, subjective=1)


def lecture(text: str, step: Step = Step.DRAFT_CREATION, stop_reason: str = "end_turn") -> str:
    return checked(text, stop_reason, step, ContentMode.LECTURE, Counts())


def assigned(text: str, step: Step = Step.DRAFT_CREATION) -> str:
    return checked(text, "end_turn", step, ContentMode.ASSIGNMENT, COUNTS)


def test_markdown_is_taken_as_it_is() -> None:
    assert lecture("# Sets\n\nA set has elements.\n") == "# Sets\n\nA set has elements.\n"


def test_an_answer_that_was_cut_off_is_unfit() -> None:
    with pytest.raises(AnswerUnfit, match="cut off"):
        lecture("# Sets", stop_reason="max_tokens")


def test_an_empty_answer_is_unfit() -> None:
    with pytest.raises(AnswerUnfit, match="empty"):
        lecture(" \n")


@pytest.mark.parametrize(("step", "most"), [(Step.REVIEW, LONGEST_NOTES), (Step.FORMATTING, LONGEST_DOCUMENT)])
def test_an_answer_that_no_event_could_hold_is_unfit(step: Step, most: int) -> None:
    assert lecture("é" * (most // 2 - 1), step)
    with pytest.raises(AnswerUnfit, match="more than"):
        lecture("é" * (most // 2), step)
    with pytest.raises(AnswerUnfit, match="more than"):
        lecture('"' * (most // 2), step)


@pytest.mark.parametrize("step", [Step.DRAFT_CREATION, Step.REFINEMENT, Step.FORMATTING])
def test_an_assignment_comes_out_of_its_fence_as_compact_json(step: Step) -> None:
    output = assigned(f"```json\n{assignment(COUNTS)}\n```", step)
    assert parse_assignment(output, COUNTS).counts() == COUNTS
    assert "\n" not in output


@pytest.mark.parametrize("step", [Step.DRAFT_CREATION, Step.REFINEMENT, Step.FORMATTING])
@pytest.mark.parametrize("more", [{"mcsc": 1}, {"mcsc": 3}, {"mcmc": 0}, {"subjective": 2}])
def test_an_assignment_with_other_numbers_than_asked_for_is_unfit(step: Step, more: dict[str, int]) -> None:
    with pytest.raises(AnswerUnfit, match="asked for"):
        assigned(assignment(COUNTS.model_copy(update=more)), step)


@pytest.mark.parametrize("step", [Step.TOPIC_ANALYSIS, Step.REVIEW])
def test_notes_on_an_assignment_are_no_assignment_themselves(step: Step) -> None:
    assert assigned("Question 2 is ambiguous.", step) == "Question 2 is ambiguous."


def test_what_is_wrong_is_said_in_few_words() -> None:
    with pytest.raises(AnswerUnfit) as unfit:
        assigned(json.dumps({"topic": "T", "questions": [{"type": "x" * 5000}]}))
    assert len(str(unfit.value)) <= 300


@given(st.text())
def test_a_storable_text_has_a_place_everywhere(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept


def test_only_what_has_no_place_is_left_out() -> None:
    assert storable("a\0b\ud800c \U0001f600") == "abc \U0001f600"

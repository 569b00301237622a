"""The effect itself: whose it is, how it is stored, and the shape of an assignment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from domain.calls.completion import Completion
from domain.gccp.course import AssignmentInvalid, Brief, ContentMode, Counts, Step, parse_assignment
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.names import Names
from tests.connectors.completions import completion

BRIEF = Brief(
    topic="Machine learning",
    subtopics=("supervised", "unsupervised"),
    mode=ContentMode.ASSIGNMENT,
    transcript="What was said.",
    counts=Counts(mcsc=1),
    earlier={Step.TOPIC_ANALYSIS: "# Analysis"},
)


def test_a_prompt_belongs_to_the_person_who_wrote_it() -> None:
    assert completion().subject == "gccp:550e8400-e29b-41d4-a716-446655440001"
    assert set(completion().personal_fields) == {"system", "messages", "brief"}


def test_a_completion_is_stored_encrypted_and_comes_back_whole() -> None:
    keyring = Keyring(bytes(32))
    mapper = Mapper(Names([Completion]), keyring)
    effect = completion(brief=BRIEF.model_dump(mode="json"), step=Step.DRAFT_CREATION)
    assert effect.subject is not None
    keyring.allow(effect.subject)
    stored = mapper.encode(effect)
    assert b"neural" not in stored
    assert b"What was said" not in stored
    assert mapper.decode("completion.v1", stored, effect.subject) == effect


def choice(kind: str, answer: list[str], texts: list[str]) -> dict[str, Any]:
    options = [{"label": label, "text": text} for label, text in zip("ABCD", texts, strict=False)]
    return {"type": kind, "question": "Which?", "options": options, "answer": answer}


def written(*questions: dict[str, Any]) -> str:
    return json.dumps({"topic": "T", "questions": questions})


ONE = choice("mcsc", ["A"], ["a", "b"])
SEVERAL = choice("mcmc", ["A", "C"], ["a", "b", "c"])
PROSE = {"type": "subjective", "question": "Why?"}


def test_an_assignment_of_the_right_shape_and_counts_is_taken() -> None:
    assignment = parse_assignment(written(ONE, SEVERAL, PROSE), Counts(mcsc=1, mcmc=1, subjective=1))
    assert [question.type for question in assignment.questions] == ["mcsc", "mcmc", "subjective"]
    assert {question.basis for question in assignment.questions} == {"model"}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "  {}  "])
def test_an_assignment_may_stand_in_a_code_fence(fence: str) -> None:
    assert parse_assignment(fence.replace("{}", written(ONE)), Counts(mcsc=1)).topic == "T"


@pytest.mark.parametrize(
    "wrong",
    [
        choice("mcsc", ["A", "B"], ["a", "b", "c"]),
        choice("mcsc", [], ["a", "b"]),
        choice("mcsc", ["E"], ["a", "b"]),
        choice("mcsc", ["A"], ["a"]),
        choice("mcsc", ["A"], ["same", "Same"]),
        choice("mcmc", ["A"], ["a", "b", "c"]),
        choice("mcmc", ["A", "B"], ["a", "b"]),
        choice("mcmc", ["A", "A"], ["a", "b", "c"]),
        choice("essay", ["A"], ["a", "b"]),
        {"type": "subjective", "question": ""},
    ],
)
def test_an_unsound_question_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssignmentInvalid, match=r"^questions\.0"):
        parse_assignment(written(wrong), Counts(mcsc=1))


@pytest.mark.parametrize("text", ["", "Here is your assignment:", "{}", "```json", "[]"])
def test_a_text_that_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(AssignmentInvalid):
        parse_assignment(text, Counts())


def test_a_wrong_count_is_said_in_a_sentence() -> None:
    with pytest.raises(AssignmentInvalid, match="2 mcsc, 0 mcmc and 0 subjective questions were asked for, 1 mcsc"):
        parse_assignment(written(ONE), Counts(mcsc=2))


def test_a_model_may_write_more_questions_than_a_brief_may_ask_for_and_is_refused_for_it() -> None:
    with pytest.raises(AssignmentInvalid, match="101 mcsc"):
        parse_assignment(written(*(ONE | {"question": f"{n}?"} for n in range(101))), Counts(mcsc=100))


@pytest.mark.parametrize("count", [-1, 101])
def test_a_brief_asks_for_a_bearable_number_of_questions(count: int) -> None:
    with pytest.raises(ValidationError):
        Counts(mcsc=count)

"""What counts as an answer to a step."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gccp.answers import LONGEST_DOCUMENT, LONGEST_NOTES, AnswerUnfit, checked, storable
from domain.gccp.course import (
    Assignment,
    AssignmentInvalid,
    ChoiceQuestion,
    ContentMode,
    Counts,
    Step,
    SubjectiveQuestion,
    parse_assignment,
)
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


@pytest.mark.parametrize("reason", ["model_context_window_exceeded", "answer_too_long", "length", "a_new_one"])
def test_an_answer_is_whole_for_a_reason_of_the_closed_list_only(reason: str) -> None:
    assert lecture("# Sets", stop_reason="stop_sequence") == "# Sets"
    with pytest.raises(AnswerUnfit, match="cut off before its end: it must be shorter"):
        lecture("# Sets", stop_reason=reason)
    with pytest.raises(AnswerUnfit, match="nothing says that the answer is whole"):
        lecture("# Sets", stop_reason="")


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("mode", list(ContentMode))
def test_a_fence_around_the_answer_is_undone_in_every_mode_and_step(step: Step, mode: ContentMode) -> None:
    notes = step in (Step.TOPIC_ANALYSIS, Step.REVIEW)
    text = "# Sets\n\nText." if notes or mode is not ContentMode.ASSIGNMENT else assignment(COUNTS)
    language = "json" if text.startswith("{") else "markdown"
    plain = checked(text, "end_turn", step, mode, COUNTS)
    for wrapped in (f"```{language}\n{text}\n```", f"<think>{{}} # Hm</think>\n\n{text}"):
        assert checked(wrapped, "end_turn", step, mode, COUNTS) == plain
    for remark in ("Here you are: {it}!", "Voilà:"):
        wrapped = f"{remark}\n\n```{language}\n{text}\n```\n\nGood luck!"
        assert checked(wrapped, "end_turn", step, mode, COUNTS) == plain


@pytest.mark.parametrize("step", [Step.DRAFT_CREATION, Step.REFINEMENT, Step.FORMATTING])
def test_a_sentence_before_the_title_is_no_part_of_a_document(step: Step) -> None:
    assert lecture("Here are the notes.\n\n# Sets\n\nText.", step) == "# Sets\n\nText."


@pytest.mark.parametrize("text", ["# a\x0crac", "# a\x08", "# a\x1b[0m", "# a\x7f", "# a\x9f"])
def test_a_control_character_makes_a_text_unfit(text: str) -> None:
    for step in (Step.REVIEW, Step.FORMATTING):
        with pytest.raises(AnswerUnfit, match=r"control character U\+00"):
            lecture(text, step)
    assert lecture("# a\tb\r\nc") == "# a\tb\r\nc"


def test_thoughts_alone_are_an_empty_answer() -> None:
    with pytest.raises(AnswerUnfit, match="empty"):
        lecture("<think>I am still thinking")


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


def question(**changed: Any) -> dict[str, Any]:
    options = [{"label": label, "text": f"option {label}"} for label in "ABCD"]
    return {"type": "mcsc", "question": "What?", "options": options, "answer": ["A"]} | changed


def texts(*given: str) -> list[dict[str, str]]:
    return [{"label": label, "text": text} for label, text in zip("ABCD", given, strict=False)]


def set_of(*questions: dict[str, Any]) -> Assignment:
    kinds = Counter(one["type"] for one in questions)
    return parse_assignment(json.dumps({"topic": "T", "questions": questions}), Counts(**kinds))


@pytest.mark.parametrize(
    "items",
    [
        [question(), question()],
        [question(), question(question=" what?\n")],
        [question(), question(type="mcmc", answer=["A", "B"])],
        [question(), question(options=[*reversed(question()["options"])])],
        [{"type": "subjective", "question": "Why so?"}, {"type": "subjective", "question": "why  SO?"}],
        [question(options=texts("one two", "One  two"))],
        [question(options=texts("a", " a "))],
    ],
)
def test_questions_and_options_differ_in_more_than_case_and_spaces(items: list[dict[str, Any]]) -> None:
    with pytest.raises(AssignmentInvalid, match=r"^questions\.\d.*(asks the same as questions\.0|must differ)"):
        set_of(*items)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (question(answer=["E"]), "answer must name options, each once"),
        (question(answer=["A", "A"]), "answer must name options, each once"),
        (question(answer=["A", "B"]), "mcsc needs exactly one right option"),
        (question(answer=[]), "mcsc needs exactly one right option"),
        (question(type="mcmc", answer=["A"]), "mcmc needs at least two right options and one wrong"),
        (question(type="mcmc", answer=["A", "B", "C", "D"]), "mcmc needs at least two right options and one wrong"),
        (question(options=texts("a", "a"), answer=["A"]), "options must differ from one another"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_a_sentence(item: dict[str, Any], fault: str) -> None:
    with pytest.raises(AssignmentInvalid, match=rf"{fault}$"):
        set_of(item)


def test_questions_may_share_their_words_and_options_their_letters_in_formulas() -> None:
    assert set_of(question(), question(options=texts("x", "y"))).counts().mcsc == 2
    assert set_of(question(), {"type": "subjective", "question": "What?"}).counts().subjective == 1
    options = texts(r"It is $\Gamma$", r"It is $\gamma$")
    assert set_of(question(options=options)).questions[0] == set_of(question(options=options)).questions[0]


@pytest.mark.parametrize(
    "item",
    [
        question(question=" "),
        question(options=texts("a", "\n")),
        question(options=[{"label": " ", "text": "a"}, {"label": "B", "text": "b"}]),
        {"type": "subjective", "question": "\t"},
    ],
)
def test_no_item_is_blank(item: dict[str, Any]) -> None:
    with pytest.raises(AssignmentInvalid, match=r"^questions\.0\..*at least 1 character"):
        set_of(item)


def test_items_are_trimmed_and_one_answer_is_a_list_of_one() -> None:
    (read,) = set_of(question(question=" What? ", answer="A ", options=texts(" a", "b "))).questions
    assert isinstance(read, ChoiceQuestion)
    assert (read.question, read.answer, [option.text for option in read.options]) == ("What?", ("A",), ["a", "b"])
    (prose,) = set_of({"type": "subjective", "question": "Why?", "points": [" one", " "]}).questions
    assert isinstance(prose, SubjectiveQuestion)
    assert prose.points == ("one",)
    (prose,) = set_of({"type": "subjective", "question": "Why?", "points": "one"}).questions
    assert isinstance(prose, SubjectiveQuestion)
    assert prose.points == ("one",)


@pytest.mark.parametrize("questions", ["none", {}, [7], [[]], None])
def test_questions_that_are_none_are_refused_in_a_sentence(questions: Any) -> None:
    with pytest.raises(AssignmentInvalid, match=r"^questions"):
        parse_assignment(json.dumps({"topic": "T", "questions": questions}), Counts())


def test_formulas_with_single_backslashes_are_stored_as_they_were_meant() -> None:
    written = r"""Here it is: {"topic": "T", "questions": [{"type": "mcsc",
        "question": "What is $\frac{1}{2}+\text{x}$?",
        "options": [{"label": "A", "text": "$\nabla f$"}, {"label": "B", "text": "$\beta$"},], "answer": ["A"],},]}"""
    output = checked(written, "end_turn", Step.FORMATTING, ContentMode.ASSIGNMENT, Counts(mcsc=1))
    (read,) = Assignment.model_validate_json(output).questions
    assert isinstance(read, ChoiceQuestion)
    assert read.question == r"What is $\frac{1}{2}+\text{x}$?"
    assert [option.text for option in read.options] == [r"$\nabla f$", r"$\beta$"]


def test_what_was_stored_before_these_checks_is_still_read() -> None:
    before = {"topic": "T", "questions": [question(question=" ", options=texts("a b", "a  b", "x\x0c"))] * 2}
    assert len(Assignment.model_validate(before).questions) == 2


@given(st.text())
def test_a_storable_text_has_a_place_everywhere(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept


def test_only_what_has_no_place_is_left_out() -> None:
    assert storable("a\0b\ud800c \U0001f600") == "abc \U0001f600"

"""The stored format of a course: its steps, its brief, and the structure of an assignment."""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.gccp.loose_json import Unreadable, object_with

MOST_QUESTIONS = 100
"""The most questions of one type in a brief."""

_FORMULA = re.compile(r"(\$[^$]+\$)")


class Step(StrEnum):
    """The five steps of a generation, in order. Each is one completion and one checkpoint."""

    TOPIC_ANALYSIS = "TopicAnalysis"
    DRAFT_CREATION = "DraftCreation"
    REVIEW = "Review"
    REFINEMENT = "Refinement"
    FORMATTING = "Formatting"


class ContentMode(StrEnum):
    PRE_READ = "pre-read"
    LECTURE = "lecture"
    ASSIGNMENT = "assignment"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(Frozen):
    """The number of questions of each type: one right option, several right options, answered in prose."""

    mcsc: int = Field(default=0, ge=0, le=MOST_QUESTIONS)
    mcmc: int = Field(default=0, ge=0, le=MOST_QUESTIONS)
    subjective: int = Field(default=0, ge=0, le=MOST_QUESTIONS)


class Brief(Frozen):
    """The order for a step, in structure; prompts say the same in prose. `earlier` holds the outputs of earlier steps.

    Blank and repeated subtopics are ignored; `counts` matters in assignment mode only.
    """

    topic: str
    subtopics: tuple[str, ...] = ()
    mode: ContentMode
    transcript: str = ""
    counts: Counts = Counts()
    earlier: dict[Step, str] = Field(default_factory=dict)


class Option(BaseModel):
    """One thing to choose; `label` is what `answer` refers to."""

    model_config = ConfigDict(frozen=True)

    label: str = Field(min_length=1)
    text: str = Field(min_length=1)


class ChoiceQuestion(BaseModel):
    """`mcsc` has exactly one right option; `mcmc` at least two right and one wrong. No two options are alike."""

    model_config = ConfigDict(frozen=True)

    type: Literal["mcsc", "mcmc"]
    question: str = Field(min_length=1)
    options: tuple[Option, ...] = Field(min_length=2)
    answer: tuple[str, ...]
    explanation: str = ""
    basis: Literal["transcript", "outline", "model"] = "model"

    @model_validator(mode="after")
    def _sound(self) -> Self:  # noqa: N804 - an `after` validator is called on the instance
        labels = [option.label for option in self.options]
        if len(set(labels)) < len(labels) or len({_caseless(option.text) for option in self.options}) < len(labels):
            raise ValueError("options must differ from one another")
        if len(set(self.answer)) < len(self.answer) or not set(self.answer) <= set(labels):
            raise ValueError("answer must name options, each once")
        if self.type == "mcsc" and len(self.answer) != 1:
            raise ValueError("mcsc needs exactly one right option")
        if self.type == "mcmc" and not 2 <= len(self.answer) < len(labels):
            raise ValueError("mcmc needs at least two right options and one wrong")
        return self


class SubjectiveQuestion(BaseModel):
    """Answered in prose; `points` are what a good answer contains."""

    model_config = ConfigDict(frozen=True)

    type: Literal["subjective"] = "subjective"
    question: str = Field(min_length=1)
    model_answer: str = ""
    points: tuple[str, ...] = ()
    basis: Literal["transcript", "outline", "model"] = "model"


Question = Annotated[ChoiceQuestion | SubjectiveQuestion, Field(discriminator="type")]


class Assignment(BaseModel):
    """The content of a finished generation in assignment mode, as JSON.

    The document asks for counts and fixes no structure, so this one is ours. `basis` says what a question rests on:
    the transcript, the outline alone, or a language model. `notice` says how the whole was made, if not by a model.
    """

    model_config = ConfigDict(frozen=True)

    topic: str
    questions: tuple[Question, ...]
    notice: str = ""

    def counts(self) -> Counts:
        found = Counter(question.type for question in self.questions)
        return Counts.model_construct(mcsc=found["mcsc"], mcmc=found["mcmc"], subjective=found["subjective"])


class AssignmentInvalid(ValueError):
    """The text is no assignment, or not the requested one. The message is a sentence."""


def parse_assignment(text: str, wanted: Counts) -> Assignment:
    """The assignment in `text`, which a model may have wrapped and misspelt. Raises AssignmentInvalid.

    What is stored was checked when it was written: the checks here that `Assignment` lacks apply to new answers only.
    """
    try:
        assignment = Assignment.model_validate(_mended(object_with("questions", text)))
    except Unreadable as unreadable:
        raise AssignmentInvalid(str(unreadable)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise AssignmentInvalid(f"{place}: {first['msg']}") from None
    _check_items(assignment)
    if assignment.counts() != wanted:
        raise AssignmentInvalid(f"{_said(wanted)} were asked for, {_said(assignment.counts())} are there")
    return assignment


def _mended(given: dict[str, object]) -> dict[str, object]:
    """The same with one answer or point as a list, and without blank points."""
    questions = given["questions"]
    if not isinstance(questions, list):
        return given
    return given | {"questions": [_mended_question(one) if isinstance(one, dict) else one for one in questions]}


def _mended_question(question: dict[str, object]) -> dict[str, object]:
    listed = {name: [question[name]] for name in ("answer", "points") if isinstance(question.get(name), str)}
    points = (question | listed).get("points")
    filled = {"points": [point for point in points if point != ""]} if isinstance(points, list) else {}
    return question | listed | filled


def _check_items(assignment: Assignment) -> None:
    """Raises AssignmentInvalid for questions, or options of one, that differ only in case or spaces."""
    asked: dict[tuple[str, ...], int] = {}
    for number, question in enumerate(assignment.questions):
        options = [folded(option.text) for option in question.options] if question.type != "subjective" else []
        if len(set(options)) < len(options):
            raise AssignmentInvalid(f"questions.{number}: options must differ from one another")
        first = asked.setdefault((folded(question.question), *sorted(options)), number)
        if first != number:
            raise AssignmentInvalid(f"questions.{number}: it asks the same as questions.{first}")


def folded(text: str) -> str:
    """The text by which items are compared: spaces as one, letters without case, except in formulas."""
    return _caseless(" ".join(text.split()))


def _caseless(text: str) -> str:
    return "".join(part if part.startswith("$") else part.casefold() for part in _FORMULA.split(text))


def _said(counts: Counts) -> str:
    return f"{counts.mcsc} mcsc, {counts.mcmc} mcmc and {counts.subjective} subjective questions"

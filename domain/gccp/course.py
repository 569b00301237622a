"""The stored format of a course: its steps, its brief, and the structure of an assignment."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MOST_QUESTIONS = 100
"""The most questions of one type in a brief."""


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
        if len(set(labels)) < len(labels) or len({option.text.casefold() for option in self.options}) < len(labels):
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
    """The assignment in `text`: JSON, bare or in one Markdown code fence. Raises AssignmentInvalid."""
    try:
        assignment = Assignment.model_validate_json(_unfenced(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise AssignmentInvalid(f"{place}: {first['msg']}") from None
    if assignment.counts() != wanted:
        raise AssignmentInvalid(f"{_said(wanted)} were asked for, {_said(assignment.counts())} are there")
    return assignment


def _unfenced(text: str) -> str:
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and "\n" in bare:
        return bare.partition("\n")[2].removesuffix("```")
    return bare


def _said(counts: Counts) -> str:
    return f"{counts.mcsc} mcsc, {counts.mcmc} mcmc and {counts.subjective} subjective questions"

"""The five steps of a course, by rule. Each uses the outputs of earlier steps, by rule or by a model.

TopicAnalysis counts the transcript's sentences on each subtopic. DraftCreation writes Markdown (pre-read, lecture) or
an assignment in JSON. Review measures the draft: missing subtopics, repeated or overlong sentences, wrong counts.
Refinement mends that as far as rules can: it drops repeated sentences, adds missing sections, and replaces an
assignment that does not fit the request. Formatting sets the result out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from domain.gccp.course import Assignment, AssignmentInvalid, Brief, ContentMode, Step, parse_assignment
from domain.gccp.loose_json import CONTROL
from domain.gccp.writing.extracts import LONGEST_SENTENCE, is_related, sentences, subject_words, word_count
from domain.gccp.writing.questions import Subject
from domain.gccp.writing.text import (
    Material,
    analysis,
    assignment,
    counted,
    joined,
    lecture,
    listed,
    material_of,
    plain,
    pre_read,
    section,
)

MENDED = "Mended without a language model: sections on subtopics that were missing were added by fixed rules."
COVERED_ABOVE = "*All that was here is under an earlier heading.*"

_HEADING = re.compile(r"#{1,6}\s+(.*)")
_PROSE = re.compile(r"(?![#>|\-*+`<]|\s|\d+[.)]\s).")
_REPEATING = ("Overview", "Summary", "Key terms", "Check yourself", "Questions")
"""Headings of sections that may repeat sentences of others."""


def compose(brief: Brief, step: Step) -> str:
    """The output of a step. A missing output of an earlier step is composed first."""
    brief = _without_controls(brief)
    material = material_of(brief)
    if step is Step.TOPIC_ANALYSIS:
        return analysis(material)
    if step is Step.DRAFT_CREATION:
        return _draft(material)
    draft = brief.earlier.get(Step.DRAFT_CREATION) or _draft(material)
    if step is Step.REVIEW:
        return _review(material, draft)
    if step is Step.REFINEMENT:
        return _refined(material, draft)
    return _formatted(material, brief.earlier.get(Step.REFINEMENT) or _refined(material, draft))


def _without_controls(brief: Brief) -> Brief:
    """The brief with spaces for control characters: the end of a page in a transcript is one, and no answer has any."""
    texts = {"topic": CONTROL.sub(" ", brief.topic), "transcript": CONTROL.sub(" ", brief.transcript)}
    subtopics = tuple(CONTROL.sub(" ", subtopic) for subtopic in brief.subtopics)
    earlier = {step: CONTROL.sub(" ", text) for step, text in brief.earlier.items()}
    return brief.model_copy(update={**texts, "subtopics": subtopics, "earlier": earlier})


def _draft(material: Material) -> str:
    match material.mode:
        case ContentMode.PRE_READ:
            return pre_read(material)
        case ContentMode.LECTURE:
            return lecture(material)
        case ContentMode.ASSIGNMENT:
            return _written(assignment(material))


def _review(material: Material, draft: str) -> str:
    faults = _faults_of_assignment if material.mode is ContentMode.ASSIGNMENT else _faults_of_text
    found = listed(faults(material, draft)) or "Nothing to mend."
    size = f"The draft has {counted(word_count(draft), 'word')}."
    return joined(
        f"# Review: {plain(material.topic)}", "> Measured by fixed rules, without a language model.", size, found
    )


def _faults_of_assignment(material: Material, draft: str) -> Iterator[str]:
    try:
        parse_assignment(draft, material.counts)
    except AssignmentInvalid as invalid:
        yield f"Not as asked for: {plain(str(invalid))}"


def _faults_of_text(material: Material, draft: str) -> Iterator[str]:
    for subject in _missing(material, draft):
        yield f"No section on {plain(subject.name)}"
    said = Counter(sentence.casefold() for line in _single(draft) for sentence in sentences(line))
    repeated = sum(1 for count in said.values() if count > 1)
    if repeated:
        yield f"In more than one place: {counted(repeated, 'sentence')}"
    long = sum(1 for sentence in said if word_count(sentence) >= LONGEST_SENTENCE)
    if long:
        yield f"As long as {LONGEST_SENTENCE} words, or longer: {counted(long, 'sentence')}"


def _missing(material: Material, draft: str) -> list[Subject]:
    headings = [found[1] for line in draft.splitlines() if (found := _HEADING.match(line))]
    return [subject for subject in material.subjects if not any(_treats(heading, subject.name) for heading in headings)]


def _treats(heading: str, name: str) -> bool:
    """Whether the heading has every significant word of the subject, at least by its stem."""
    if plain(name).casefold() in heading.casefold():
        return True
    had, wanted = subject_words(heading), subject_words(name)
    return bool(wanted) and all(any(is_related(one, other) for other in had) for one in wanted)


def _single(draft: str) -> Iterator[str]:
    """The lines of prose in sections that must not repeat anything."""
    free = False
    for line in draft.splitlines():
        heading = _HEADING.match(line)
        if heading:
            free = heading[1].strip() in _REPEATING
        elif not free and _PROSE.match(line):
            yield line


def _refined(material: Material, draft: str) -> str:
    if material.mode is ContentMode.ASSIGNMENT:
        return _written(_valid(material, draft))
    missing = [section(material, subject, 8) for subject in _missing(material, draft)]
    note = f"> {MENDED}" if missing and material.notice not in draft else ""
    return joined(_without_repeats(draft), *missing, note)


def _valid(material: Material, draft: str) -> Assignment:
    try:
        return parse_assignment(draft, material.counts)
    except AssignmentInvalid:
        return assignment(material)


def _without_repeats(draft: str) -> str:
    seen: set[str] = set()
    single = set(_single(draft))
    return "\n".join(_unseen(line, seen) if line in single else line for line in draft.splitlines())


def _unseen(line: str, seen: set[str]) -> str:
    found = sentences(line)
    fresh = [sentence for sentence in found if sentence.casefold() not in seen]
    seen.update(sentence.casefold() for sentence in fresh)
    if len(fresh) == len(found):
        return line
    return " ".join(fresh) or COVERED_ABOVE


def _formatted(material: Material, text: str) -> str:
    if material.mode is ContentMode.ASSIGNMENT:
        return _written(_valid(material, text))
    lines = [line.rstrip() for line in text.strip().splitlines()]
    title = [] if lines and lines[0].startswith("# ") else [f"# {plain(material.topic)}", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(title + lines)) + "\n"


def _written(made: Assignment) -> str:
    return made.model_dump_json(indent=2)

"""The text of a course by rule: the transcript's sentences on its subjects, in Markdown or as an assignment.

A subject's section holds the weightiest sentences with a word that is distinctive for it, in their order. A subject
that the transcript does not cover is called uncovered, and gets tasks to study it by instead. The framing words are
English for any language of the transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.gccp.course import Assignment, Brief, ChoiceQuestion, ContentMode, Counts
from domain.gccp.writing.extracts import Extract, Sentence, distinctive_words, extract, word_count
from domain.gccp.writing.questions import Subject, questions, tasks_for

NOTICE = (
    "Composed without a language model, by fixed rules, from the topic, the subtopics and the transcript. "
    "Sentences are quoted from the transcript and have not been checked against any other source."
)
NOTICE_WITHOUT_TRANSCRIPT = (
    "Composed without a language model, by fixed rules, from the topic and the subtopics alone: "
    "there is no transcript to draw on, so this is an outline for study, not a text on the subject."
)
UNCOVERED = "*The transcript does not cover this. To study it:*"
TO_STUDY = "*To study this:*"

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&#])")
_LEADING = re.compile(r"^(\d*)([+=:.)-])")


@dataclass(frozen=True, slots=True)
class Material:
    """A brief with its transcript weighed. There is always a topic and at least one subject."""

    topic: str
    subjects: tuple[Subject, ...]
    mode: ContentMode
    counts: Counts
    source: Extract

    @property
    def notice(self) -> str:
        return NOTICE if self.source.sentences else NOTICE_WITHOUT_TRANSCRIPT


def material_of(brief: Brief) -> Material:
    topic = " ".join(brief.topic.split()) or "Untitled topic"
    named = (" ".join(subtopic.split()) for subtopic in brief.subtopics)
    names = tuple({name.casefold(): name for name in named if name}.values()) or (topic,)
    source = extract(brief.transcript, (topic, *names))
    subjects = tuple(Subject(name, tuple(source.about(distinctive_words(name, topic, names)))) for name in names)
    return Material(topic, subjects, brief.mode, brief.counts, source)


def analysis(material: Material) -> str:
    """The analysis: the request, and its coverage by the transcript."""
    shown = [plain(material.source.shown[term]) for term in material.source.key_terms(12)]
    gaps = [plain(subject.name) for subject in material.subjects if not subject.sentences]
    return joined(
        f"# Analysis: {plain(material.topic)}",
        f"> {material.notice}",
        listed([f"Wanted: {_wanted(material)}", f"Transcript: {_size(material.source)}"]),
        "## Coverage",
        listed(
            f"{plain(subject.name)}: {counted(len(subject.sentences), 'sentence')}" for subject in material.subjects
        ),
        "## Key terms",
        ", ".join(shown) or "None repeats.",
        "## Gaps",
        listed(f"{gap}: tasks to study it by, in place of a text" for gap in gaps) or "None.",
    )


def _wanted(material: Material) -> str:
    counts = material.counts
    if material.mode is ContentMode.ASSIGNMENT:
        return f"an assignment of {counts.mcsc} mcsc, {counts.mcmc} mcmc and {counts.subjective} subjective questions"
    return f"a {material.mode.value} on {counted(len(material.subjects), 'subtopic')}"


def _size(source: Extract) -> str:
    words = sum(word_count(sentence.text) for sentence in source.sentences)
    return f"{counted(len(source.sentences), 'sentence')}, {counted(words, 'word')}"


def pre_read(material: Material) -> str:
    """The pre-read: an overview, a few sentences on each subject, key terms, and questions."""
    return joined(
        *_opening(material),
        *(section(material, subject, 3) for subject in material.subjects),
        _glossary(material.source, 6),
        _questions(material, 3),
    )


def lecture(material: Material) -> str:
    """The lecture: every subject at length, a summary, key terms, a check with answers, and questions."""
    return joined(
        *_opening(material),
        *(section(material, subject, 8) for subject in material.subjects),
        _rest(material),
        _summary(material.source),
        _glossary(material.source, 12),
        _check(material, 3),
        _questions(material, 5),
    )


def assignment(material: Material) -> Assignment:
    made = questions(material.counts, material.source, material.subjects)
    return Assignment(topic=material.topic, questions=made, notice=material.notice)


def section(material: Material, subject: Subject, most: int) -> str:
    """A heading and the weightiest sentences on the subject, or tasks to study it by."""
    heading = f"## {plain(_capital(subject.name))}"
    if subject.sentences:
        return joined(heading, _paragraph(material.source.best(most, subject.sentences)))
    why = UNCOVERED if material.source.sentences else TO_STUDY
    return joined(heading, why, listed(plain(task) for task in tasks_for(subject.name)))


def _opening(material: Material) -> list[str]:
    overview = _paragraph(material.source.best(3))
    return [
        f"# {plain(material.topic)}",
        f"> {material.notice}",
        joined("## Overview", overview) if overview else "",
    ]


def _rest(material: Material) -> str:
    covered = {sentence.position for subject in material.subjects for sentence in subject.sentences}
    left = [sentence for sentence in material.source.sentences if sentence.position not in covered]
    return joined("## Further points", _paragraph(material.source.best(6, left))) if left else ""


def _summary(source: Extract) -> str:
    best = [plain(sentence.text) for sentence in source.best(5)]
    return joined("## Summary", listed(best)) if best else ""


def _glossary(source: Extract, most: int) -> str:
    entries = [_entry(term, source) for term in source.key_terms(most)]
    return joined("## Key terms", listed(entries)) if entries else ""


def _entry(term: str, source: Extract) -> str:
    [best] = source.best(1, [sentence for sentence in source.sentences if term in sentence.terms])
    return f"**{plain(source.shown[term])}** ({source.frequency[term]} times): {plain(best.text)}"


def _check(material: Material, most: int) -> str:
    asked = questions(Counts(mcsc=most), material.source, material.subjects)
    choices = [question for question in asked if isinstance(question, ChoiceQuestion)]
    answers = [f"{number} {question.answer[0]}" for number, question in enumerate(choices, 1)]
    return joined("## Check yourself", _numbered(map(_choice, choices)), f"Answers: {', '.join(answers)}.")


def _choice(question: ChoiceQuestion) -> str:
    options = "; ".join(f"({option.label}) {plain(option.text)}" for option in question.options)
    return f"{plain(question.question)} {options}"


def _questions(material: Material, most: int) -> str:
    asked = questions(Counts(subjective=most), material.source, material.subjects)
    return joined("## Questions", _numbered(plain(question.question) for question in asked))


def plain(text: str) -> str:
    """One line of text, escaped so that Markdown renders it as it is: without markup, HTML, formulas or lists."""
    return _LEADING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))


def listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def joined(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _numbered(items: Iterable[str]) -> str:
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))


def _paragraph(sentences: Sequence[Sentence]) -> str:
    return " ".join(plain(sentence.text) for sentence in sentences)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]

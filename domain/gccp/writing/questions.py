"""Questions made by rule: from the sentences of a transcript while there are any, then on the study of a subject.

From a transcript: a key term of a sentence is left out, to be chosen among other terms of the transcript (mcsc);
sentences are mixed with altered ones (mcmc); a subject or a term is to be explained, and the model answer quotes the
transcript (subjective). Without one: tasks of the six levels of Bloom's taxonomy are to be classified (mcsc, mcmc) or
done (subjective); they fit any subject. Nothing is random: the order comes from a checksum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from typing import Literal
from zlib import crc32

from domain.gccp.course import ChoiceQuestion, Counts, Option, Question, SubjectiveQuestion
from domain.gccp.writing.extracts import Extract, Sentence, is_unspaced, same_stem

GAP = "_____"
LABELS = "ABCD"
SHORTEST, LONGEST = 4, 320
"""The fewest words and the most characters of a sentence for a question."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of questions, and the sentences of the transcript about it."""

    name: str
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the taxonomy, its tasks, and the points of a good answer."""

    name: str
    meaning: str
    tasks: tuple[str, str, str]
    points: tuple[str, ...]


LEVELS = (
    Level(
        "understanding",
        "putting it in one's own words",
        (
            "Explain “{x}” in your own words to somebody who has never met it.",
            "Summarise “{x}” in three sentences.",
            "Give an everyday analogy for “{x}” and say where it fits.",
        ),
        ("The idea is stated correctly", "The words are one's own", "Nothing essential is left out"),
    ),
    Level(
        "application",
        "using it in a new case",
        (
            "Use “{x}” to solve a problem from your own surroundings.",
            "Work through one concrete case of “{x}” step by step.",
            "Predict, by “{x}”, what happens in a case you have not seen before.",
        ),
        ("The case is concrete", "Every step follows from the idea", "The result is stated and checked"),
    ),
    Level(
        "analysis",
        "taking it apart and relating the parts",
        (
            "Compare “{x}” with a related idea and say where they differ.",
            "Take “{x}” apart and show how its parts depend on one another.",
            "Find the assumptions behind “{x}” and say which of them matter most.",
        ),
        ("The parts or sides are named", "Their relation is shown", "Likeness and difference are kept apart"),
    ),
    Level(
        "evaluation",
        "judging it by stated criteria",
        (
            "Judge whether “{x}” is the right choice in a given case, and defend the judgement.",
            "Weigh the strengths of “{x}” against its weaknesses by criteria you name.",
            "Argue for or against relying on “{x}”, and answer the best objection.",
        ),
        ("The criteria are named", "Both sides are weighed", "The judgement follows from the reasons"),
    ),
    Level(
        "creation",
        "making something new with it",
        (
            "Design an exercise of your own that teaches “{x}”.",
            "Plan a small project that would not work without “{x}”.",
            "Devise a new example of “{x}” that differs from the usual ones.",
        ),
        ("The result is new", "It depends on the idea", "It could be carried out as described"),
    ),
    Level(
        "recall",
        "bringing back what was learnt",
        (
            "State a definition of “{x}” from memory.",
            "List the parts of “{x}” that you remember.",
            "Name a source in which “{x}” is treated.",
        ),
        ("The wording is accurate", "The list is complete", "The source is named"),
    ),
)


def questions(wanted: Counts, source: Extract, subjects: Sequence[Subject]) -> tuple[Question, ...]:
    """Exactly the wanted number of questions of each type, no two of one type alike. Needs at least one subject."""
    gaps = list(islice(_gaps(source), max(wanted.mcsc, wanted.mcmc and wanted.mcmc + len(LABELS))))
    return (
        *islice(chain(_cloze(gaps, source), _classification("mcsc", subjects)), wanted.mcsc),
        *islice(chain(_statements(gaps), _classification("mcmc", subjects)), wanted.mcmc),
        *islice(chain(_explained(source, subjects), _tasks(subjects)), wanted.subjective),
    )


def tasks_for(subject: str) -> list[str]:
    """One task of each level above recall."""
    return [level.tasks[0].format(x=subject) for level in LEVELS[:-1]]


@dataclass(frozen=True, slots=True)
class _Gap:
    sentence: Sentence
    term: str
    others: tuple[str, ...]

    def filled(self, word: str) -> str:
        """The sentence with that word in place of the term; a capital at the beginning is kept."""
        text, parts, end = self.sentence.text, [], 0
        for token in self.sentence.tokens:
            if token.key == self.term:
                capital = token.start == 0 and text[0].isupper()
                parts += [text[end : token.start], word[:1].upper() + word[1:] if capital else word]
                end = token.end
        return "".join(parts) + text[end:]


def _gaps(source: Extract) -> Iterator[_Gap]:
    """Gaps by the weight of their sentence: each sentence's most frequent term first, then the next, and so on."""
    said = {sentence.text.casefold() for sentence in source.sentences}
    fit = [s for s in source.sentences if len(s.tokens) >= SHORTEST and len(s.text) <= LONGEST and s.terms]
    fit.sort(key=lambda sentence: (-sentence.weight, sentence.position))
    ranked = [(s, sorted(s.terms, key=lambda term: -source.frequency[term])) for s in fit]
    for turn in range(max((len(terms) for _, terms in ranked), default=0)):
        for sentence, terms in ranked:
            if turn < len(terms):
                bare = _Gap(sentence, terms[turn], ())
                gap = replace(bare, others=tuple(islice(_others(bare, source, said), len(LABELS) - 1)))
                if len(gap.others) == len(LABELS) - 1:
                    yield gap


def _others(gap: _Gap, source: Extract, said: Set[str]) -> Iterator[str]:
    """Wrong terms for the gap, the most alike in frequency and length first. None has the stem of a term of the
    sentence, and none turns the sentence into another one of the transcript."""
    often, length = source.frequency[gap.term], len(gap.term)
    nearest = sorted(source.frequency, key=lambda o: (abs(source.frequency[o] - often), abs(len(o) - length)))
    for other in nearest:
        fits = is_unspaced(other) == is_unspaced(gap.term) and not any(same_stem(other, t) for t in gap.sentence.terms)
        if fits and gap.filled(source.shown[other]).casefold() not in said:
            yield source.shown[other]


def _cloze(gaps: Sequence[_Gap], source: Extract) -> Iterator[ChoiceQuestion]:
    for text, gap in {gap.filled(GAP): gap for gap in gaps}.items():
        asked = f"Which term completes this sentence of the transcript? “{text}”"
        why = f"The transcript says: “{gap.sentence.text}”"
        yield _choice("mcsc", asked, [source.shown[gap.term]], list(gap.others), why, "transcript")


def _statements(gaps: Sequence[_Gap]) -> Iterator[ChoiceQuestion]:
    """Statements in fours, neighbours in weight: two or three are quoted, in the others one term is changed."""
    first = list({gap.sentence.position: gap for gap in reversed(gaps)}.values())[::-1]
    for start in range(len(first) if len(first) >= len(LABELS) else 0):
        around = [first[(start + step) % len(first)] for step in range(len(LABELS))]
        true = [gap.sentence.text for gap in around[: 2 + start % 2]]
        false = [gap.filled(gap.others[0]) for gap in around[2 + start % 2 :]]
        if len({*map(str.casefold, false)}) == len(false):
            asked = "Which of these statements does the transcript make? In the others one term has been changed."
            yield _choice("mcmc", asked, true, false, "The right statements are quoted from it.", "transcript")


def _explained(source: Extract, subjects: Sequence[Subject]) -> Iterator[SubjectiveQuestion]:
    for subject in subjects:
        asked = f"Explain “{subject.name}”, drawing on what the transcript says about it."
        yield from _answered(asked, subject.sentences, source)
    for term in source.key_terms(100):
        asked = f"What does the transcript say about “{source.shown[term]}”, and why does it matter here?"
        yield from _answered(asked, [sentence for sentence in source.sentences if term in sentence.terms], source)


def _answered(asked: str, sentences: Sequence[Sentence], source: Extract) -> Iterator[SubjectiveQuestion]:
    if sentences:
        best = source.best(4, sentences)
        terms = dict.fromkeys(term for sentence in best for term in sentence.terms)
        weighty = sorted(terms, key=lambda term: -source.frequency[term])[:5]
        points = tuple(f"Uses “{source.shown[term]}” as the transcript does" for term in weighty)
        answer = " ".join(sentence.text for sentence in best)
        yield SubjectiveQuestion(question=asked, model_answer=answer, points=points, basis="transcript")


def _classification(kind: Literal["mcsc", "mcmc"], subjects: Sequence[Subject]) -> Iterator[ChoiceQuestion]:
    """Endless questions: all subjects first, then levels, then phrasings, then other wrong options."""
    for number in count():
        turn, place = divmod(number, len(subjects))
        subject, level = subjects[place].name, LEVELS[(turn + place) % 6]
        phrasing, shift = turn // 6 % 3, turn // 18
        right = [level.tasks[phrasing]] if kind == "mcsc" else [level.tasks[phrasing - 1], level.tasks[phrasing]]
        others = [other for other in LEVELS if other is not level]
        wrong = [others[(shift + n) % 5].tasks[(phrasing + shift // 5 + n) % 3] for n in range(4 - len(right))]
        asks = "Which one of these tasks asks" if kind == "mcsc" else "Which of these tasks ask"
        asked = f"{asks} for {level.name} of “{subject}”, that is, for {level.meaning}?"
        why = f"“{level.name.capitalize()}” is {level.meaning}; the other tasks ask for something else."
        yield _choice(kind, asked, [t.format(x=subject) for t in right], [t.format(x=subject) for t in wrong], why)


def _tasks(subjects: Sequence[Subject]) -> Iterator[SubjectiveQuestion]:
    """Endless questions: every task on every subject, then every two tasks together."""
    tasks = [(level, level.tasks[phrasing]) for phrasing in range(3) for level in LEVELS]
    for number in count():
        turn, place = divmod(number, len(subjects))
        subject = subjects[place].name
        level, task = tasks[(turn + place) % 18]
        asked, points = task.format(x=subject), level.points
        if turn >= 18:
            level, task = tasks[(turn + place + turn // 18) % 18]
            asked, points = f"{asked} Then: {task.format(x=subject)}", points + level.points
        yield SubjectiveQuestion(question=asked, points=points, basis="outline")


def _choice(
    kind: Literal["mcsc", "mcmc"],
    asked: str,
    right: Sequence[str],
    wrong: Sequence[str],
    why: str,
    basis: Literal["transcript", "outline"] = "outline",
) -> ChoiceQuestion:
    """Order the options by checksum: the right one may be anywhere, and is always in the same place."""
    texts = sorted([*right, *wrong], key=lambda text: (crc32(f"{asked}|{text}".encode()), text))
    options = tuple(Option(label=label, text=text) for label, text in zip(LABELS, texts, strict=True))
    answer = tuple(option.label for option in options if option.text in right)
    return ChoiceQuestion(type=kind, question=asked, options=options, answer=answer, explanation=why, basis=basis)

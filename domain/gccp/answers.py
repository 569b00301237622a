"""Checks of a step's answer: of its structure, not of its content."""

from __future__ import annotations

import json

from domain.gccp.course import AssignmentInvalid, ContentMode, Counts, Step, parse_assignment
from domain.gccp.loose_json import CONTROL, control_fault
from domain.gccp.wrapper import unwrapped, without_thoughts

LONGEST_NOTES = 50_000
"""The largest analysis or review, in bytes (see `size`)."""

LONGEST_DOCUMENT = 200_000
"""The largest draft or later version, in bytes.

A step's input is one encrypted event; within these limits it stays below the 1 MB that Kafka takes.
"""

WHOLE = frozenset({"end_turn", "stop_sequence"})
"""The stop reasons of a whole answer. With any other, or a new one, an answer counts as cut off."""

UNSAID = "nothing says that the answer is whole"

_NOTES = (Step.TOPIC_ANALYSIS, Step.REVIEW)
_LONGEST_FAULT = 300


class AnswerUnfit(Exception):
    """The answer is unfit; the message says why, in words that help the model to mend it."""


def size(text: str) -> int:
    """Bytes that a (storable) text takes in the log before encryption: UTF-8, escaped as JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def longest(step: Step) -> int:
    """The largest answer of a step, in bytes."""
    return LONGEST_NOTES if step in _NOTES else LONGEST_DOCUMENT


def storable(text: str) -> str:
    """The text without characters that PostgreSQL (NUL) or UTF-8 (lone surrogates) cannot hold."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def checked(text: str, stop_reason: str, step: Step, mode: ContentMode, counts: Counts) -> str:
    """The step's output: the (storable) text without its wrapper, or the assignment in it as compact JSON.

    Raises AnswerUnfit.
    """
    if stop_reason not in WHOLE:
        raise AnswerUnfit("the answer was cut off before its end: it must be shorter" if stop_reason else UNSAID)
    if not text.strip():
        raise AnswerUnfit("the answer is empty")
    output = _output(text, step, mode, counts)
    if size(output) > longest(step):
        raise AnswerUnfit(f"the answer takes more than {longest(step)} bytes: it must be shorter")
    return output


def _output(text: str, step: Step, mode: ContentMode, counts: Counts) -> str:
    if mode is ContentMode.ASSIGNMENT and step not in _NOTES:
        return _assignment(without_thoughts(text), counts)
    output = unwrapped(text, titled=step not in _NOTES)
    if not output.strip():
        raise AnswerUnfit("the answer is empty")
    if control := CONTROL.search(output):
        raise AnswerUnfit(control_fault(control[0]))
    return output


def _assignment(text: str, counts: Counts) -> str:
    try:
        return parse_assignment(text, counts).model_dump_json()
    except AssignmentInvalid as invalid:
        raise AnswerUnfit(str(invalid)[:_LONGEST_FAULT]) from None

"""Whether an answer is what its step was to put out: pure checks on its structure, none on what it says."""

from __future__ import annotations

import json

from domain.gccp.course import AssignmentInvalid, ContentMode, Counts, Step, parse_assignment

LONGEST_NOTES = 50_000
"""Size (see `size`) that an analysis or a review may have."""

LONGEST_DOCUMENT = 200_000
"""Size that a draft, and what is made of it, may have.

A step's input is one event, encrypted; with these limits the longest stays within the 1 MB that Kafka takes.
"""

_NOTES = (Step.TOPIC_ANALYSIS, Step.REVIEW)
_LONGEST_FAULT = 300


class AnswerUnfit(Exception):
    """The answer is not what was asked for; the text says why, in words that help to mend it."""


def size(text: str) -> int:
    """Bytes that a (storable) text takes in the log before encryption: UTF-8, escaped as JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def longest(step: Step) -> int:
    """The size that the step's answer may have."""
    return LONGEST_NOTES if step in _NOTES else LONGEST_DOCUMENT


def storable(text: str) -> str:
    """The text without what PostgreSQL (NUL) or UTF-8 (lone surrogates) has no place for."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def checked(text: str, stop_reason: str, step: Step, mode: ContentMode, counts: Counts) -> str:
    """The step's output: the (storable) text, or the assignment in it as compact JSON. Raises AnswerUnfit."""
    if stop_reason == "max_tokens":
        raise AnswerUnfit("the answer was cut off before its end: it must be shorter")
    if not text.strip():
        raise AnswerUnfit("the answer is empty")
    output = _assignment(text, counts) if mode is ContentMode.ASSIGNMENT and step not in _NOTES else text
    if size(output) > longest(step):
        raise AnswerUnfit(f"the answer takes more than {longest(step)} bytes: it must be shorter")
    return output


def _assignment(text: str, counts: Counts) -> str:
    try:
        return parse_assignment(text, counts).model_dump_json()
    except AssignmentInvalid as invalid:
        raise AnswerUnfit(str(invalid)[:_LONGEST_FAULT]) from None

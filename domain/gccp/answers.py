"""Checks of a step's answer: of its structure, not of its content."""

from __future__ import annotations

import json

from domain.gccp.course import AssignmentInvalid, ContentMode, Counts, Step, parse_assignment

LONGEST_NOTES = 50_000
"""The largest analysis or review, in bytes (see `size`)."""

LONGEST_DOCUMENT = 200_000
"""The largest draft or later version, in bytes.

A step's input is one encrypted event; within these limits it stays below the 1 MB that Kafka takes.
"""

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

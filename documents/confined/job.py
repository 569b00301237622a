"""The job of a confined process: its program, its limits, and the answers it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one request."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    OUT_OF_MEMORY = "out_of_memory"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `detail` and `body` are the job's own; `reason` is a sentence where there is no result.

    A job answers DONE, REFUSED or FAILED; the others are of the process, which ends after them.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request: seconds of waiting, bytes of address space, bytes of the answer, threads.

    A sealed process opens no file and no socket once its job is prepared. Processor time is limited on each thread.
    """

    seconds: float
    memory_bytes: int
    answer_bytes: int
    threads: int = 1
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A program for confined processes: a module with `prepared`, a function that makes a Perform.

    `verb` (to render), `done` (rendered) and `noun` (the renderer) name it in the sentences of failures.
    """

    module: str
    verb: str
    done: str
    noun: str
    limits: Limits


Perform = Callable[[bytes], Answer]
"""One request into one answer. What it raises is answered as BROKEN."""

"""The failures of a confined process, other than the answers of its job."""

from __future__ import annotations

import signal


class ConfinementFailure(Exception):
    """A request got no answer. `str()` is a sentence."""


class Late(ConfinementFailure):
    """The request took longer than one request may, by the clock or in processor time. A retry is useless."""


class OutOfMemory(ConfinementFailure):
    """The request takes more memory than one request may. A retry is useless."""


class Broken(ConfinementFailure):
    """The job broke at this request: an exception, or a signal such as SIGSEGV. A retry is useless."""


class Lost(ConfinementFailure):
    """The process was ended, or does not start, for a reason outside of the request."""


class Busy(ConfinementFailure):
    """The queue is full. Retry later."""


_FAULTS = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP})


def death(code: int | None, noun: str) -> ConfinementFailure:
    """The failure for the exit code of a process within a request. Rust and C++ abort when memory runs out."""
    if code == -signal.SIGABRT:
        return OutOfMemory()
    if code == -signal.SIGXCPU:
        return Late("the document takes more of the processor's time than one document may")
    if code is None:
        return Lost(f"the {noun} was closed while it was at the document")
    ended = f"the {noun} ended with {code} while it was at the document"
    return Broken(ended) if -code in _FAULTS else Lost(ended)

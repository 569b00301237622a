"""The confined process: performs one request after the other from its standard input, until that is closed.

The pool starts it, and kills it when it takes too long. If the parent is gone or stuck, the kernel ends it: along with
the parent, and after the limit of processor time for one request.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from documents.confined.frames import LENGTH, READY, answer_frames, frame
from documents.confined.job import Answer, Limits, Outcome, Perform

_PR_SET_PDEATHSIG = 1
_RETIRE_AT = 0.25
_LAST = frozenset({Outcome.OUT_OF_MEMORY, Outcome.BROKEN})


def main() -> None:
    """Run the process. Arguments: the job's module, the limits as JSON, and an empty directory."""
    limits = Limits(**json.loads(sys.argv[2]))
    answers = _private_output()
    _die_with_parent()
    perform: Perform = import_module(sys.argv[1]).prepared(Path(sys.argv[3]), limits)
    memory = _Memory(limits)
    _confine(limits)
    _send(answers, frame(READY))
    for body in _requests(sys.stdin.buffer):
        _allow_processor_time(limits)
        answer = _answer(perform, body)
        _send(answers, answer_frames(answer, answer.outcome in _LAST or memory.is_short()))


def _answer(perform: Perform, body: bytes) -> Answer:
    try:
        return perform(body)
    except MemoryError:
        return Answer(Outcome.OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception, and needs an answer, too
        return Answer(Outcome.BROKEN, type(error).__name__)


def _private_output() -> BinaryIO:
    """The pipe to the parent, apart from standard output, which libraries may print to."""
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(own, "wb")


def _requests(source: BinaryIO) -> Iterator[bytes]:
    while len(length := source.read(LENGTH.size)) == LENGTH.size:
        yield source.read(LENGTH.unpack(length)[0])


def _send(answers: BinaryIO, data: bytes) -> None:
    answers.write(data)
    answers.flush()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - its library call exists on Linux only

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _confine(limits: Limits) -> None:
    """Forbid writing files and core dumps, for a sealed job opening anything, and bound memory where it is counted."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.sealed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


def _allow_processor_time(limits: Limits) -> None:
    """Allow a request's processor time on every thread, from now on; then the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + limits.seconds * limits.threads) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


class _Memory:
    """The memory of this process, read from a file that is opened before the process may open none.

    Current memory, not the peak of `getrusage`, which starts with the parent's.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.memory_bytes * _RETIRE_AT
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else None

    def is_short(self) -> bool:
        """Whether the process should end: libraries keep what they made, so after a large request memory is short."""
        if self._statm is None:
            return False
        pages = int(os.pread(self._statm, 200, 0).split()[1])
        return pages * resource.getpagesize() > self._most


if __name__ == "__main__":
    main()

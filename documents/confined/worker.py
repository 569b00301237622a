"""The worker process: renders one document after the other from its standard input, until that is closed.

The pool starts it, and kills it when it takes too long. If the parent is gone or stuck, the kernel ends it: along with
the parent, and after the limit of processor time for one document.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from documents.confined.frames import LENGTH, MEMORY_REASON, READY, RenderOutcome, answer, frame, request_from
from documents.errors import DocumentError, DocumentTooLarge
from documents.render.renderer import Renderer
from documents.render.request import THREADS, DocumentLimits, DocumentRequest

_PR_SET_PDEATHSIG = 1
_RETIRE_AT = 0.25


def main() -> None:
    """Run the worker. Arguments: the limits as JSON, and an empty directory."""
    limits = DocumentLimits(**json.loads(sys.argv[1]))
    answers = _private_output()
    _die_with_parent()
    renderer = Renderer(Path(sys.argv[2]))
    _confine(limits)
    _send(answers, frame(READY))
    for body in _requests(sys.stdin.buffer):
        _allow_processor_time(limits)
        _send(answers, _answer(renderer, request_from(body), limits))


def _answer(renderer: Renderer, document: DocumentRequest, limits: DocumentLimits) -> bytes:
    try:
        rendered = renderer.render(document)
    except DocumentTooLarge as error:
        return answer(RenderOutcome.TOO_LARGE, str(error), _retiring(limits))
    except DocumentError as error:
        return answer(RenderOutcome.FAILED, str(error), _retiring(limits))
    except MemoryError:
        return answer(RenderOutcome.TOO_LARGE, MEMORY_REASON, retiring=True)
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception, and needs an answer, too
        return answer(RenderOutcome.FAILED, f"the renderer broke: {type(error).__name__}", retiring=True)
    if len(rendered.pdf) > limits.pdf_bytes:
        reason = f"the PDF would have {len(rendered.pdf):,} bytes; one document may have {limits.pdf_bytes:,}"
        return answer(RenderOutcome.TOO_LARGE, reason, _retiring(limits))
    return answer(RenderOutcome.RENDERED, "", _retiring(limits), rendered)


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


def _confine(limits: DocumentLimits) -> None:
    """Forbid writing files and core dumps, and bound memory where the kernel counts it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


def _allow_processor_time(limits: DocumentLimits) -> None:
    """Allow a document's processor time on every thread, from now on; then the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + limits.seconds * THREADS) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _retiring(limits: DocumentLimits) -> bool:
    """Whether the process should end: Typst keeps its layouts, so after a large document memory is short.

    Current memory, not the peak of `getrusage`, which starts with the parent's.
    """
    if sys.platform != "linux":
        return False
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() > limits.memory_bytes * _RETIRE_AT


if __name__ == "__main__":
    main()

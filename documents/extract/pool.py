"""The pool of extractors: files into text and chunks by confined processes, and their failures as errors."""

from __future__ import annotations

from documents.confined.failures import Broken, Busy, ConfinementFailure, Late, OutOfMemory
from documents.confined.job import Answer, Outcome
from documents.confined.pool import ConfinedPool
from documents.extract.job import extracted_from, extraction_job, request_body
from documents.extract.request import (
    Extracted,
    ExtractionFailed,
    ExtractionLimits,
    ExtractionRequest,
    ExtractorBusy,
    Failure,
    Unextractable,
)


class ExtractionPool(ConfinedPool):
    """Several extractors, and a bounded queue of files, first come, first served."""

    def __init__(self, limits: ExtractionLimits | None = None, workers: int = 1, waiting: int = 64) -> None:
        self._limits = limits or ExtractionLimits()
        super().__init__(extraction_job(self._limits), workers, waiting)

    async def extract(self, request: ExtractionRequest) -> Extracted:
        """The text and the chunks of a file.

        Raises Unextractable, ExtractionFailed, or ExtractorBusy if the queue is full.
        """
        try:
            return _extracted(await self.perform(request_body(request, self._limits)))
        except ConfinementFailure as failure:
            raise _error(failure) from None


def _extracted(answer: Answer) -> Extracted:
    if answer.outcome is Outcome.DONE:
        return extracted_from(answer)
    raise Unextractable(Failure(answer.detail), answer.reason)


def _error(failure: ConfinementFailure) -> Unextractable | ExtractionFailed:
    match failure:
        case OutOfMemory():
            return Unextractable(Failure.BOMB, "the file takes more memory to read than one file may")
        case Late():
            return Unextractable(Failure.TIMEOUT, str(failure))
        case Broken():
            return Unextractable(Failure.CORRUPT, "the file cannot be read: it is damaged")
        case Busy():
            return ExtractorBusy(str(failure))
        case _:
            return ExtractionFailed(str(failure))

"""The pool of renderers: documents into PDF by confined processes, and their failures as errors."""

from __future__ import annotations

from documents.confined.failures import Busy, ConfinementFailure, Late, OutOfMemory
from documents.confined.job import Answer, Outcome
from documents.confined.pool import ConfinedPool
from documents.errors import DocumentError, DocumentTooLarge, RendererBusy, RenderFailed, RenderTimeout
from documents.render.job import render_job, request_body
from documents.render.request import DocumentLimits, DocumentRequest, Rendered

MEMORY_REASON = "the document takes more memory than one document may"


class PdfPool(ConfinedPool):
    """Several renderers, and a bounded queue of documents, first come, first served."""

    def __init__(self, limits: DocumentLimits | None = None, workers: int = 1, waiting: int = 16) -> None:
        self._limits = limits or DocumentLimits()
        super().__init__(render_job(self._limits), workers, waiting)

    async def render(self, document: DocumentRequest) -> Rendered:
        """The document as PDF.

        Raises DocumentTooLarge, RenderTimeout, RenderFailed, or RendererBusy if the queue is full.
        """
        _measure(document, self._limits)
        try:
            return _rendered(await self.perform(request_body(document)))
        except ConfinementFailure as failure:
            raise _error(failure) from None


def _measure(document: DocumentRequest, limits: DocumentLimits) -> None:
    texts = (document.content, document.options.title or "", document.options.author or "")
    size = sum(len(text.encode(errors="surrogatepass")) for text in texts)
    if size > limits.content_bytes:
        raise DocumentTooLarge(f"the document has {size:,} bytes; {limits.content_bytes:,} is the most")


def _rendered(answer: Answer) -> Rendered:
    match answer.outcome:
        case Outcome.DONE:
            return Rendered(answer.body, answer.detail)
        case Outcome.REFUSED:
            raise DocumentTooLarge(answer.reason)
        case _:
            raise RenderFailed(answer.reason)


def _error(failure: ConfinementFailure) -> DocumentError:
    match failure:
        case OutOfMemory():
            return DocumentTooLarge(MEMORY_REASON)
        case Late():
            return RenderTimeout(str(failure))
        case Busy():
            return RendererBusy(str(failure))
        case _:
            return RenderFailed(str(failure))

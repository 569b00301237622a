"""The confined job that renders documents, and the encoding of its requests."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from documents.confined.job import Answer, Job, Limits, Outcome, Perform
from documents.errors import DocumentError, DocumentTooLarge
from documents.render.request import THREADS, DocumentLimits, DocumentRequest, Options, Rendered
from documents.render.style import Styling


def render_job(limits: DocumentLimits) -> Job:
    confinement = Limits(limits.seconds, limits.memory_bytes, limits.pdf_bytes, THREADS)
    return Job(__name__, "render", "rendered", "renderer", confinement)


def prepared(root: Path, limits: Limits) -> Perform:
    """The rendering of requests into answers, within the confined process."""
    from documents.render.renderer import Renderer  # noqa: PLC0415 - the parent needs no Typst

    renderer = Renderer(root)

    def perform(body: bytes) -> Answer:
        try:
            return _answer(renderer.render(request_from(body)), limits)
        except DocumentTooLarge as error:
            return Answer(Outcome.REFUSED, str(error))
        except DocumentError as error:
            return Answer(Outcome.FAILED, str(error))

    return perform


def _answer(rendered: Rendered, limits: Limits) -> Answer:
    if len(rendered.pdf) > limits.answer_bytes:
        reason = f"the PDF would have {len(rendered.pdf):,} bytes; one document may have {limits.answer_bytes:,}"
        return Answer(Outcome.REFUSED, reason)
    return Answer(Outcome.DONE, detail=rendered.missing, body=rendered.pdf)


def request_body(document: DocumentRequest) -> bytes:
    fields = {"content": document.content, "at": document.at.timestamp(), "options": asdict(document.options)}
    return json.dumps(fields).encode()


def request_from(body: bytes) -> DocumentRequest:
    fields = json.loads(body)
    options = fields["options"]
    return DocumentRequest(
        content=fields["content"],
        at=datetime.fromtimestamp(fields["at"], UTC),
        options=Options(options["title"], options["author"], Styling(**options["styling"])),
    )

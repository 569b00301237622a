"""The frames between the pool and a worker: four bytes of length, then that many bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum

from documents.render.request import DocumentRequest, Options, Rendered
from documents.render.style import Styling

LENGTH = struct.Struct(">I")
READY = b"ready"
"""The worker's first frame, sent once its fonts are found and its limits are set."""

MEMORY_REASON = "the document takes more memory than one document may"


class RenderOutcome(StrEnum):
    """The outcome of a request. An answer has two frames: a head, and the PDF or nothing.

    The head is `[outcome, reason, retiring, missing]`; `missing` are the characters that no font has.
    """

    RENDERED = "rendered"
    TOO_LARGE = "too_large"
    FAILED = "failed"


def frame(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


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


def answer(outcome: RenderOutcome, reason: str, retiring: bool, rendered: Rendered | None = None) -> bytes:
    done = rendered or Rendered(b"")
    return frame(json.dumps([outcome, reason, retiring, done.missing]).encode()) + frame(done.pdf)


def answer_head(body: bytes) -> tuple[RenderOutcome, str, bool, str]:
    outcome, reason, retiring, missing = json.loads(body)
    return RenderOutcome(outcome), str(reason), bool(retiring), str(missing)

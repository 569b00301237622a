"""The confined job that extracts text from files, and the encoding of its requests and results."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from pathlib import Path

from documents.confined.job import Answer, Job, Limits, Outcome, Perform
from documents.extract.request import (
    ChunkPlan,
    Extracted,
    ExtractionLimits,
    ExtractionRequest,
    Span,
    Unextractable,
)
from documents.file_types import FileType

_LENGTH = struct.Struct(">I")
_ANSWER_BYTES = 16 << 20


def extraction_job(limits: ExtractionLimits) -> Job:
    confinement = Limits(limits.seconds, limits.memory_bytes, _ANSWER_BYTES, sealed=True)
    return Job(__name__, "read", "read", "extractor", confinement)


def prepared(_root: Path, _limits: Limits) -> Perform:
    """The extraction of requests into answers, within the confined process, which can import nothing later."""
    from documents.extract.encoding import import_codecs  # noqa: PLC0415 - the parent needs no reader
    from documents.extract.reader import extract  # noqa: PLC0415 - likewise

    import_codecs()

    def perform(body: bytes) -> Answer:
        request, limits = request_from(body)
        try:
            return _answer(extract(request, limits))
        except Unextractable as error:
            return Answer(Outcome.REFUSED, str(error), error.code)

    return perform


def request_body(request: ExtractionRequest, limits: ExtractionLimits) -> bytes:
    fields = [request.name, request.chunk_size, request.chunk_overlap, asdict(limits)]
    head = json.dumps(fields).encode()
    return _LENGTH.pack(len(head)) + head + request.content


def request_from(body: bytes) -> tuple[ExtractionRequest, ExtractionLimits]:
    start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    name, size, overlap, limits = json.loads(body[_LENGTH.size : start])
    return ExtractionRequest(body[start:], name, size, overlap), ExtractionLimits(**limits)


def _answer(extracted: Extracted) -> Answer:
    plan = extracted.plan
    detail = [extracted.file_type, _pairs(extracted.pages), plan.splitter, plan.version, _pairs(plan.spans)]
    return Answer(Outcome.DONE, detail=json.dumps(detail), body=extracted.text.encode())


def extracted_from(answer: Answer) -> Extracted:
    kind, pages, splitter, version, spans = json.loads(answer.detail)
    plan = ChunkPlan(splitter, version, _spans(spans))
    return Extracted(FileType(kind), answer.body.decode(), _spans(pages), plan)


def _pairs(spans: tuple[Span, ...]) -> list[list[int]]:
    return [[span.start, span.end] for span in spans]


def _spans(pairs: list[list[int]]) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in pairs)

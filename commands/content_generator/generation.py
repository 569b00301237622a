"""Content generated for one request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from domain.calls.document import Source
from domain.content_generator.generation import (
    Generation,
    GenerationContentGenerated,
    GenerationDocumentRead,
    GenerationEvent,
    GenerationFailed,
    GenerationPhase,
    GenerationRequested,
)
from domain.content_generator.kinds import Channel, TemplateName
from domain.messages import Command, Reply, Result

_KEY = "generation_id"


class RequestGeneration(Command, name="content_generator.generation.request.v1", key=_KEY):
    """Ask for content. Without a `source` it is made from the built-in document."""

    generation_id: str
    tenant: str
    source: Source | None
    document: str | None
    document_id: str
    channels: tuple[Channel, ...]
    template: TemplateName
    custom_data: dict[str, JsonValue]
    fresh_seconds: float


class ReadDocument(Command, name="content_generator.generation.read_document.v1", key=_KEY):
    """Take the fetched version of the document, or the code and reason for having none."""

    generation_id: str
    version: int = 0
    code: str = ""
    reason: str = ""


class RecordContent(Reply, name="content_generator.generation.record_content.v1", key=_KEY):
    """Record the composed content."""

    generation_id: str


def request(command: RequestGeneration, generation: Generation) -> Sequence[GenerationEvent]:
    if generation.phase is not GenerationPhase.ABSENT:
        return []
    requested = GenerationRequested(**command.model_dump())
    return [requested] if command.source is not None else [requested, _read(command.at, requested, 0)]


def _read(at: datetime, requested: GenerationRequested, version: int) -> GenerationDocumentRead:
    return GenerationDocumentRead(
        at=at,
        generation_id=requested.generation_id,
        tenant=requested.tenant,
        document=requested.document,
        version=version,
        channels=requested.channels,
        template=requested.template,
        custom_data=requested.custom_data,
    )


def read_document(command: ReadDocument, generation: Generation) -> Sequence[GenerationEvent]:
    if generation.phase is not GenerationPhase.FETCHING or generation.requested is None:
        return []
    if command.code:
        return [_failed(command, generation, command.code, command.reason)]
    return [_read(command.at, generation.requested, command.version)]


def _failed(command: ReadDocument | RecordContent, generation: Generation, code: str, reason: str) -> GenerationFailed:
    return GenerationFailed(
        at=command.at, generation_id=command.generation_id, tenant=generation.tenant, code=code, reason=reason
    )


def record_content(command: RecordContent, generation: Generation) -> Sequence[GenerationEvent]:
    attempt = command.attempt
    if attempt is None or generation.phase is not GenerationPhase.COMPOSING or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED or attempt.output is None:
        return [_failed(command, generation, attempt.code or "unavailable", attempt.reason)]
    return [
        GenerationContentGenerated(
            at=command.at,
            generation_id=command.generation_id,
            tenant=generation.tenant,
            content=attempt.output,
        )
    ]

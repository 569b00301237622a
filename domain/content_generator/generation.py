"""Content generated for one request, without sending any: what was answered stays so for ever."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.calls.document import Source
from domain.content_generator.kinds import Channel, TemplateName
from domain.messages import Event


class OfGeneration(Event):
    generation_id: str
    tenant: str


class GenerationRequested(OfGeneration, name="content_generator.generation.requested.v1"):
    """A request. Without a `source` the content is the built-in document; `document` is the key of its stream."""

    source: Source | None
    document: str | None
    document_id: str
    channels: tuple[Channel, ...]
    template: TemplateName
    custom_data: dict[str, JsonValue]
    fresh_seconds: float


class GenerationDocumentRead(OfGeneration, name="content_generator.generation.document_read.v1"):
    """The version of the document that is composed, and what is made of it."""

    document: str | None
    version: int
    channels: tuple[Channel, ...]
    template: TemplateName
    custom_data: dict[str, JsonValue]


class GenerationContentGenerated(OfGeneration, name="content_generator.generation.content_generated.v1"):
    """The content, as `Composed` in plain JSON."""

    content: dict[str, JsonValue]


class GenerationFailed(OfGeneration, name="content_generator.generation.failed.v1"):
    """The end without content; `code` is that of the document's fetch, or `too_large`."""

    code: str
    reason: str


GenerationEvent = GenerationRequested | GenerationDocumentRead | GenerationContentGenerated | GenerationFailed


class GenerationPhase(StrEnum):
    ABSENT = "absent"
    FETCHING = "fetching"
    COMPOSING = "composing"
    OVER = "over"


class Generation(BaseModel):
    """The state of a generation."""

    model_config = ConfigDict(frozen=True)

    phase: GenerationPhase = GenerationPhase.ABSENT
    tenant: str = ""
    requested: GenerationRequested | None = None


def evolve(generation: Generation, event: GenerationEvent) -> Generation:
    match event:
        case GenerationRequested():
            return Generation(phase=GenerationPhase.FETCHING, tenant=event.tenant, requested=event)
        case GenerationDocumentRead():
            return generation.model_copy(update={"phase": GenerationPhase.COMPOSING})
        case GenerationContentGenerated() | GenerationFailed():
            return Generation(phase=GenerationPhase.OVER, tenant=generation.tenant)
        case _:
            assert_never(event)

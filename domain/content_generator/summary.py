"""The summary of a live session: generated once, and published by a job of its own if it is wanted."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.content_generator.composed import SessionFacts
from domain.content_generator.kinds import Channel
from domain.messages import Event


class OfSummary(Event):
    content_id: str
    tenant: str


class SummaryGenerated(OfSummary, name="content_generator.summary.generated.v1"):
    """The summary. `published` is what the caller said of the session, and decides nothing."""

    facts: SessionFacts
    channels: tuple[Channel, ...]
    published: bool
    content: dict[str, JsonValue]


class SummaryPublished(OfSummary, name="content_generator.summary.published.v1"):
    """The summary goes out, by the job with this root."""

    root: str
    session_id: str
    channels: tuple[Channel, ...]
    correlation_id: str
    requested_by: str


SummaryEvent = SummaryGenerated | SummaryPublished


class SummaryPhase(StrEnum):
    ABSENT = "absent"
    PREVIEW = "preview"
    PUBLISHED = "published"


class Summary(BaseModel):
    """The state of a summary."""

    model_config = ConfigDict(frozen=True)

    phase: SummaryPhase = SummaryPhase.ABSENT


def evolve(_summary: Summary, event: SummaryEvent) -> Summary:
    match event:
        case SummaryGenerated():
            return Summary(phase=SummaryPhase.PREVIEW)
        case SummaryPublished():
            return Summary(phase=SummaryPhase.PUBLISHED)
        case _:
            assert_never(event)

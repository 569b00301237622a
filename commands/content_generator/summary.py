"""Summaries of live sessions."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from domain.content_generator.composed import SessionFacts
from domain.content_generator.kinds import Channel
from domain.content_generator.summary import (
    Summary,
    SummaryEvent,
    SummaryGenerated,
    SummaryPhase,
    SummaryPublished,
)
from domain.messages import Command


class GenerateSummary(Command, name="content_generator.summary.generate.v1", key="content_id"):
    """Keep a composed summary and, with `publish`, send it out at once. `root` is that of the job that does it."""

    content_id: str
    tenant: str
    facts: SessionFacts
    channels: tuple[Channel, ...]
    published: bool
    content: dict[str, JsonValue]
    publish: bool
    root: str
    correlation_id: str
    requested_by: str


def generate(command: GenerateSummary, summary: Summary) -> Sequence[SummaryEvent]:
    if summary.phase is not SummaryPhase.ABSENT:
        return []
    generated = SummaryGenerated(
        at=command.at,
        content_id=command.content_id,
        tenant=command.tenant,
        facts=command.facts,
        channels=command.channels,
        published=command.published,
        content=command.content,
    )
    if not command.publish:
        return [generated]
    published = SummaryPublished(
        at=command.at,
        content_id=command.content_id,
        tenant=command.tenant,
        root=command.root,
        session_id=command.facts.session_id,
        channels=command.channels,
        correlation_id=command.correlation_id,
        requested_by=command.requested_by,
    )
    return [generated, published]

"""One row per generation of content for one request. The content is among the pinned contents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.generation import (
    GenerationContentGenerated,
    GenerationDocumentRead,
    GenerationEvent,
    GenerationFailed,
    GenerationPhase,
    GenerationRequested,
    OfGeneration,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfGeneration() as fact:
            yield _change(fact)


def _change(fact: GenerationEvent) -> Change:
    match fact:
        case GenerationRequested():
            return put(
                fact.generation_id,
                tenant=fact.tenant,
                phase=GenerationPhase.FETCHING.value,
                channels=[channel.value for channel in fact.channels],
                requested_at=fact.at,
            )
        case GenerationDocumentRead():
            read = {"document": fact.document, "version": fact.version}
            return change(fact.generation_id, phase=GenerationPhase.COMPOSING.value, **read)
        case GenerationContentGenerated():
            return change(fact.generation_id, phase=GenerationPhase.OVER.value, ended_at=fact.at)
        case GenerationFailed():
            why = {"code": fact.code, "reason": fact.reason}
            return change(fact.generation_id, phase=GenerationPhase.OVER.value, ended_at=fact.at, **why)
        case _:
            assert_never(fact)


GENERATIONS = ReadModel(
    "content_generator_generations",
    version=1,
    key=("generation_id",),
    project=project,
    ddl="""
    create table {table} (
        generation_id   text primary key,
        tenant          text not null,
        phase           text not null,
        channels        jsonb not null,
        document        text,
        version         int,
        code            text,
        reason          text,
        requested_at    timestamptz not null,
        ended_at        timestamptz
    );
""",
)


class GenerationRow(NamedTuple):
    """A generation. One that is over has content, or a code and a reason."""

    generation_id: str
    tenant: str
    phase: GenerationPhase
    document: str | None
    version: int | None
    code: str | None
    reason: str | None
    requested_at: datetime
    ended_at: datetime | None


async def generation_by_id(connection: AsyncConnection[Row], tenant: str, generation_id: str) -> GenerationRow | None:
    """The tenant's generation; None if there is none."""
    sql = f"""
        select {", ".join(GenerationRow._fields)} from content_generator_generations
         where generation_id = %s and tenant = %s
    """
    row = await (await connection.execute(sql, (generation_id, tenant))).fetchone()
    if row is None:
        return None
    found = GenerationRow(*row)
    return found._replace(phase=GenerationPhase(found.phase))

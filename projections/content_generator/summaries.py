"""One row per summary of a live session. Its composed content is among the pinned contents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.composed import SessionFacts
from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import Channel
from domain.content_generator.summary import SummaryGenerated, SummaryPublished
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case SummaryGenerated() as made:
            yield put(
                made.content_id,
                tenant=made.tenant,
                session_id=made.facts.session_id,
                facts=made.facts.model_dump(mode="json"),
                channels=[channel.value for channel in made.channels],
                generated_at=made.at,
            )
        case SummaryPublished() as published:
            yield change(published.content_id, root=published.root, published_at=published.at)


SUMMARIES = ReadModel(
    "content_generator_summaries",
    version=1,
    key=("content_id",),
    project=project,
    ddl="""
    create table {table} (
        content_id      text primary key,
        tenant          text not null,
        session_id      text not null,
        facts           jsonb not null,
        channels        jsonb not null,
        generated_at    timestamptz not null,
        root            text,
        published_at    timestamptz
    );
    create index on {table} (tenant, session_id);
""",
)


class SummaryRow(NamedTuple):
    """A summary. `root` is that of the job that brings it to its channels; None for a preview."""

    content_id: str
    tenant: str
    facts: SessionFacts
    channels: tuple[Channel, ...]
    generated_at: datetime
    root: str | None
    published_at: datetime | None


async def summary_by_id(connection: AsyncConnection[Row], tenant: str, content_id: str) -> SummaryRow | None:
    """The tenant's summary; None if there is none."""
    sql = f"""
        select {", ".join(SummaryRow._fields)} from content_generator_summaries where content_id = %s and tenant = %s
    """
    row = await (await connection.execute(sql, (content_id, tenant))).fetchone()
    if row is None:
        return None
    found = SummaryRow(*row)
    channels = tuple(Channel(channel) for channel in found.channels)
    return found._replace(facts=SessionFacts.model_validate(found.facts), channels=channels)


async def summary_exists(connection: AsyncConnection[Row], tenant: str, session_id: str) -> bool:
    """Whether there is a summary of this session."""
    sql = "select from content_generator_summaries where tenant = %s and session_id = %s limit 1"
    return await (await connection.execute(sql, (tenant, session_id))).fetchone() is not None

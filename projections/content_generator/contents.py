"""One row per pinned content: what was composed, or given with a request. Effects name it, and send exactly this."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from domain.content_generator.campaign import CampaignRequested
from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.generation import GenerationContentGenerated
from domain.content_generator.kinds import Options
from domain.content_generator.publication import (
    Page,
    PublicationDrafted,
    PublicationEvent,
    PublicationRequested,
    PublicationScheduled,
)
from domain.content_generator.summary import SummaryGenerated
from domain.content_generator.sync_job import SyncJobContentGenerated
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


class Owner(StrEnum):
    """The streams that pin content, by category. A job pins it under its root, for all its runs."""

    JOB = "sync_job"
    GENERATION = "generation"
    SUMMARY = "summary"
    CAMPAIGN = "campaign"
    PUBLICATION = "publication"


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case SyncJobContentGenerated() as job:
            made_from = {"document": job.document, "version": job.version, "options": job.options.model_dump()}
            yield put(Owner.JOB.value, job.root, tenant=job.tenant, content=job.content, **made_from)
        case GenerationContentGenerated() as made:
            yield put(Owner.GENERATION.value, made.generation_id, tenant=made.tenant, content=made.content)
        case SummaryGenerated() as summary:
            yield put(Owner.SUMMARY.value, summary.content_id, tenant=summary.tenant, content=summary.content)
        case CampaignRequested(root=None) as campaign:
            content = {"subject": campaign.subject_line, "html": campaign.html, "text": campaign.text}
            yield put(Owner.CAMPAIGN.value, campaign.campaign_id, tenant=campaign.tenant, content=content)
        case PublicationDrafted() | PublicationScheduled() | PublicationRequested(page=Page()) as page:
            yield _page(page, page.page)


def _page(event: PublicationEvent, page: Page | None) -> Change:
    assert page is not None
    content = page.model_dump(mode="json")
    return put(Owner.PUBLICATION.value, event.content_id, tenant=event.tenant, content=content)


CONTENTS = ReadModel(
    "content_generator_contents",
    version=1,
    key=("owner", "id"),
    project=project,
    ddl="""
    create table {table} (
        owner           text not null,
        id              text not null,
        tenant          text not null,
        content         json not null,
        document        text,
        version         int,
        options         jsonb,
        primary key (owner, id)
    );
""",
)


class PinnedContent(NamedTuple):
    """Pinned content. A job's names its document and version, and has the options of the job."""

    tenant: str
    content: dict[str, JsonValue]
    document: str | None
    version: int | None
    options: Options | None


async def pinned_content(connection: AsyncConnection[Row], owner: Owner, id_: str) -> PinnedContent | None:
    """The content pinned under this id; None as long as there is none."""
    sql = """
        select tenant, content, document, version, options from content_generator_contents where owner = %s and id = %s
    """
    row = await (await connection.execute(sql, (owner.value, id_))).fetchone()
    if row is None:
        return None
    found = PinnedContent(*row)
    return found if found.options is None else found._replace(options=Options.model_validate(found.options))

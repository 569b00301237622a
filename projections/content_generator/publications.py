"""One row per page: its course, and the platform's figures as last observed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.publication import (
    Metrics,
    MetricsObserved,
    MetricsRequested,
    OfPublication,
    Page,
    PublicationDrafted,
    PublicationEvent,
    PublicationFailed,
    PublicationPhase,
    PublicationPublished,
    PublicationRequested,
    PublicationScheduled,
    PublicationUnconfirmed,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfPublication() as fact:
            columns = _columns(fact)
            if columns:
                yield put(fact.content_id, tenant=fact.tenant, **columns)


def _columns(fact: PublicationEvent) -> dict[str, object]:
    match fact:
        case PublicationDrafted():
            return {"phase": PublicationPhase.DRAFT.value, "created_at": fact.at, **_about(fact.page)}
        case PublicationScheduled():
            about = {"created_at": fact.at, "due_at": fact.due_at, **_about(fact.page)}
            return {"phase": PublicationPhase.SCHEDULED.value, **about}
        case PublicationRequested():
            about = _about(fact.page)
            return {"phase": PublicationPhase.PUBLISHING.value, "root": fact.root, "run": fact.run, **about, **NO_FAULT}
        case PublicationPublished():
            return _published(fact)
        case PublicationFailed():
            return {"phase": PublicationPhase.FAILED.value, "code": fact.code, "reason": fact.reason}
        case PublicationUnconfirmed():
            return {"phase": PublicationPhase.UNCONFIRMED.value, "reason": fact.reason}
        case MetricsObserved():
            return {"metrics": fact.metrics.model_dump(), "observed_at": fact.at}
        case MetricsRequested():
            return {}
        case _:
            assert_never(fact)


NO_FAULT: dict[str, object] = {"code": None, "reason": None}


def _about(page: Page | None) -> dict[str, object]:
    return {} if page is None else {"title": page.title, "category": page.category.value}


def _published(fact: PublicationPublished) -> dict[str, object]:
    return {
        "phase": PublicationPhase.PUBLISHED.value,
        "run": fact.run,
        "provider_id": fact.provider_id,
        "url": fact.url,
        "page_version": fact.page_version,
        "published_at": fact.published_at,
        **NO_FAULT,
    }


PUBLICATIONS = ReadModel(
    "content_generator_publications",
    version=1,
    key=("content_id",),
    project=project,
    ddl="""
    create table {table} (
        content_id      text primary key,
        tenant          text not null,
        phase           text,
        root            text,
        run             int,
        title           text,
        category        text,
        created_at      timestamptz,
        due_at          timestamptz,
        code            text,
        reason          text,
        provider_id     text,
        url             text,
        page_version    int,
        published_at    timestamptz,
        metrics         jsonb,
        observed_at     timestamptz
    );
""",
)


class PublicationRow(NamedTuple):
    """A page. Without `observed_at` its figures are zeros that nobody has reported."""

    content_id: str
    tenant: str
    phase: PublicationPhase
    root: str | None
    title: str | None
    category: str | None
    due_at: datetime | None
    code: str | None
    reason: str | None
    provider_id: str | None
    url: str | None
    page_version: int | None
    published_at: datetime | None
    metrics: Metrics
    observed_at: datetime | None


async def publication_by_id(connection: AsyncConnection[Row], tenant: str, content_id: str) -> PublicationRow | None:
    """The tenant's page; None if there is none."""
    columns = ", ".join(PublicationRow._fields).replace("metrics", "coalesce(metrics, '{}')")
    sql = f"select {columns} from content_generator_publications where content_id = %s and tenant = %s"
    row = await (await connection.execute(sql, (content_id, tenant))).fetchone()
    if row is None:
        return None
    found = PublicationRow(*row)
    return found._replace(phase=PublicationPhase(found.phase), metrics=Metrics.model_validate(found.metrics))

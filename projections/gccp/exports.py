"""One row per PDF export: done or failed, its sizes and duration. The document itself is not stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp.events import GccpEvent
from domain.gccp.export import PdfExported, PdfExportFailed
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case PdfExported() as made:
            yield put(
                made.export_id,
                owner=made.owner,
                status="exported",
                at=made.at,
                filename=made.filename,
                content_bytes=made.content_bytes,
                pages=made.pages,
                pdf_bytes=made.pdf_bytes,
                duration_ms=made.duration_ms,
            )
        case PdfExportFailed() as failed:
            yield put(
                failed.export_id,
                owner=failed.owner,
                status="failed",
                at=failed.at,
                content_bytes=failed.content_bytes,
                duration_ms=failed.duration_ms,
                code=failed.code,
                reason=failed.reason,
            )


EXPORTS = ReadModel(
    "gccp_exports",
    version=1,
    key=("export_id",),
    project=project,
    subject="owner",
    personal=("filename", "reason"),
    ddl="""
    create table {table} (
        export_id       uuid primary key,
        owner           text not null,
        status          text not null,
        at              timestamptz not null,
        filename        text,
        content_bytes   bigint not null,
        pages           int,
        pdf_bytes       bigint,
        duration_ms     bigint not null,
        code            text,
        reason          text
    );
    create index on {table} (owner, at desc);
""",
)


class ExportRow(NamedTuple):
    """A PDF export."""

    export_id: UUID
    status: str
    at: datetime
    filename: str | None
    content_bytes: int
    pages: int | None
    pdf_bytes: int | None
    duration_ms: int
    code: str | None
    reason: str | None


async def exports_of(connection: AsyncConnection[Row], owner: str, limit: int) -> list[ExportRow]:
    """The owner's exports, the latest first."""
    columns = ", ".join(ExportRow._fields)
    sql = f"select {columns} from gccp_exports where owner = %s order by at desc limit %s"
    return [ExportRow(*row) for row in await (await connection.execute(sql, (owner, limit))).fetchall()]

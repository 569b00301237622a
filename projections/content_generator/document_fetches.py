"""One row per ended fetch of a document: the version that it found, or why it found none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.document import DocumentFetched, DocumentFetchFailed, DocumentUnchanged
from domain.content_generator.events import ContentGeneratorEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case DocumentFetched() | DocumentUnchanged(asked=True) as found:
            yield put(found.document, found.fetch, ended_at=found.at, version=found.version)
        case DocumentFetchFailed() as failed:
            yield put(failed.document, failed.fetch, ended_at=failed.at, code=failed.code, reason=failed.reason)


DOCUMENT_FETCHES = ReadModel(
    "content_generator_document_fetches",
    version=1,
    key=("document", "number"),
    project=project,
    ddl="""
    create table {table} (
        document        text not null,
        number          int not null,
        ended_at        timestamptz not null,
        version         int,
        code            text,
        reason          text,
        primary key (document, number)
    );
""",
)


class FetchRow(NamedTuple):
    """An ended fetch of a document, by its number: a version, else a code and a reason."""

    document: str
    number: int
    ended_at: datetime
    version: int | None
    code: str | None
    reason: str | None


async def ended_fetch(connection: AsyncConnection[Row], document: str, number: int) -> FetchRow | None:
    """The fetch with this number; None while it is under way."""
    sql = f"""
        select {", ".join(FetchRow._fields)} from content_generator_document_fetches
         where document = %s and number = %s
    """
    row = await (await connection.execute(sql, (document, number))).fetchone()
    return None if row is None else FetchRow(*row)

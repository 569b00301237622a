"""One row per version of a document: its text, as fetched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.calls.document import Document
from domain.content_generator.document import DocumentFetched
from domain.content_generator.events import ContentGeneratorEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case DocumentFetched() as fetched:
            yield put(
                fetched.document,
                fetched.version,
                fetched_at=fetched.at,
                source_version=fetched.source_version,
                digest=fetched.digest,
                content=fetched.content.model_dump(mode="json"),
            )


DOCUMENT_VERSIONS = ReadModel(
    "content_generator_document_versions",
    version=1,
    key=("document", "version"),
    project=project,
    ddl="""
    create table {table} (
        document        text not null,
        version         int not null,
        fetched_at      timestamptz not null,
        source_version  text not null,
        digest          text not null,
        content         json not null,
        primary key (document, version)
    );
""",
)


class DocumentVersion(NamedTuple):
    """A version of a document. `source_version` is the source's own name for it."""

    document: str
    version: int
    fetched_at: datetime
    source_version: str
    content: Document


async def document_version(connection: AsyncConnection[Row], document: str, version: int) -> DocumentVersion | None:
    """The version; None if there is none."""
    sql = """
        select document, version, fetched_at, source_version, content from content_generator_document_versions
         where document = %s and version = %s
    """
    row = await (await connection.execute(sql, (document, version))).fetchone()
    if row is None:
        return None
    found = DocumentVersion(*row)
    return found._replace(content=Document.model_validate(found.content))

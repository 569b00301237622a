"""Documents as callers read them: pages of a list, and one with its text and chunks."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from projections.creator_hub.chunks import TEXT
from projections.creator_hub.documents import ProcessingStatus
from projections.creator_hub.queries.pages import Page, offset_of
from streams.core.read_models import Row


class DocumentRow(NamedTuple):
    """A document. `chunk_count` is 0 until it is completed; of those planned, `chunks_embedded` are done.

    `code` and `reason` say why it failed, or is put off until `resume_at`.
    """

    document_id: str
    knowledge_base_id: str
    title: str
    file_name: str
    file_type: str
    size_bytes: int
    metadata: dict[str, JsonValue]
    status: ProcessingStatus
    chunk_count: int
    chunks_planned: int | None
    chunks_embedded: int
    model: str | None
    code: str | None
    reason: str | None
    resume_at: datetime | None
    created_at: datetime
    updated_at: datetime
    processed_at: datetime | None


COLUMNS = ", ".join(f"d.{name}" for name in DocumentRow._fields)

OF_BASE = "d.creator_id = %(creator_id)s and d.knowledge_base_id = %(knowledge_base_id)s and d.title is not null"
"""A document whose key is destroyed is about to be deleted."""

PAGE = f"""
    with matched as materialized (
        select d.*, %(search)s::text is null or position(lower(%(search)s) in lower(d.title)) > 0 in_title
          from creator_hub_documents d
         where {OF_BASE} and (%(status)s::text is null or d.status = %(status)s)
           and case when %(search)s::text is null or position(lower(%(search)s) in lower(d.title)) > 0 then true
                    when d.status <> 'completed' then false
                    else position(lower(%(search)s) in lower(coalesce(
                         (select {TEXT} from creator_hub_chunks c where c.document_id = d.document_id), ''))) > 0 end
    )
    select counted.total, page.*
      from (select count(*) total from matched) counted
      left join lateral (
           select {COLUMNS} from matched d
            order by d.in_title desc, d.created_at desc, d.document_id offset %(offset)s limit %(limit)s) page on true
"""


async def documents_page(
    connection: AsyncConnection[Row],
    creator_id: str,
    knowledge_base_id: str,
    status: ProcessingStatus | None = None,
    search: str | None = None,
    page: int = 1,
    limit: int = 20,
) -> Page[DocumentRow]:
    """A page of the documents of the creator's knowledge base, the newest first.

    `search` is a part of the title or of the text; hits in the title come first.
    """
    values = {
        "creator_id": creator_id,
        "knowledge_base_id": knowledge_base_id,
        "status": status and status.value,
        "search": search,
        "offset": offset_of(page, limit),
        "limit": limit,
    }
    rows = await (await connection.execute(PAGE, values)).fetchall()
    return Page([_document(tuple(row)) for _, *row in rows if row[0] is not None], int(rows[0][0]))


async def document_by_id(
    connection: AsyncConnection[Row], creator_id: str, knowledge_base_id: str, document_id: str
) -> DocumentRow | None:
    """The document of the creator's knowledge base; None if there is none."""
    values = {"creator_id": creator_id, "knowledge_base_id": knowledge_base_id, "document_id": document_id}
    sql = f"select {COLUMNS} from creator_hub_documents d where {OF_BASE} and d.document_id = %(document_id)s"
    row = await (await connection.execute(sql, values)).fetchone()
    return None if row is None else _document(row)


def _document(row: Row) -> DocumentRow:
    found = DocumentRow(*row)
    return found._replace(status=ProcessingStatus(found.status))


class ChunkRow(NamedTuple):
    """A chunk. Its characters count from 0, and `end` is behind the last one; `page` counts from 1."""

    chunk_id: str
    chunk_index: int
    content: str
    start: int
    end: int
    page: int | None


CHUNKS = """
    select c.chunk_id, c.chunk_index, c.content, c.first_character, c.last_character, c.page
      from creator_hub_chunks c join creator_hub_documents d using (document_id)
     where d.creator_id = %s and d.document_id = %s and d.status = 'completed' and c.content is not null
     order by c.chunk_index
"""

CONTENT = f"""
    select {TEXT} from creator_hub_chunks c join creator_hub_documents d using (document_id)
     where d.creator_id = %s and d.document_id = %s and d.status = 'completed'
"""


async def chunks_of(connection: AsyncConnection[Row], creator_id: str, document_id: str) -> list[ChunkRow]:
    """The chunks of the creator's document, in order; none until it is completed."""
    return [ChunkRow(*row) for row in await (await connection.execute(CHUNKS, (creator_id, document_id))).fetchall()]


async def content_of(connection: AsyncConnection[Row], creator_id: str, document_id: str) -> str:
    """The text of the creator's document; "" until it is completed."""
    ((text,),) = await (await connection.execute(CONTENT, (creator_id, document_id))).fetchall()
    return text or ""

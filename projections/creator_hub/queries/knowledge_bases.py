"""The knowledge bases of a creator, with the number and size of their documents."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection
from pydantic import JsonValue

from projections.creator_hub.queries.pages import Page, offset_of
from streams.core.read_models import Row


class KnowledgeBaseRow(NamedTuple):
    knowledge_base_id: str
    knowledge_base_name: str
    description: str
    settings: dict[str, JsonValue]
    created_at: datetime
    documents: int
    size_bytes: int


BASES = """
    select b.knowledge_base_id, b.knowledge_base_name, b.description, b.settings, b.created_at,
           coalesce(n.documents, 0), coalesce(n.size_bytes, 0)
      from creator_hub_knowledge_bases b left join creator_hub_knowledge_base_counters n using (knowledge_base_id)
     where b.creator_id = %(creator_id)s
"""


async def knowledge_base_by_id(
    connection: AsyncConnection[Row], creator_id: str, knowledge_base_id: str
) -> KnowledgeBaseRow | None:
    """The creator's knowledge base; None if there is none."""
    values = {"creator_id": creator_id, "knowledge_base_id": knowledge_base_id}
    sql = f"{BASES} and b.knowledge_base_id = %(knowledge_base_id)s"
    row = await (await connection.execute(sql, values)).fetchone()
    return None if row is None else KnowledgeBaseRow(*row)


async def knowledge_bases_page(
    connection: AsyncConnection[Row], creator_id: str, page: int = 1, limit: int = 20
) -> Page[KnowledgeBaseRow]:
    """A page of the creator's knowledge bases, the newest first."""
    values = {"creator_id": creator_id, "offset": offset_of(page, limit), "limit": limit}
    counted = "select count(*) from creator_hub_knowledge_bases where creator_id = %(creator_id)s"
    ((total,),) = await (await connection.execute(counted, values)).fetchall()
    sql = f"{BASES} order by b.created_at desc, b.knowledge_base_id offset %(offset)s limit %(limit)s"
    rows = await (await connection.execute(sql, values)).fetchall()
    return Page([KnowledgeBaseRow(*row) for row in rows], int(total))

"""Conversations that somebody follows: how far each has come."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from psycopg import AsyncConnection

from streams.core.read_models import Row


class Conversation(NamedTuple):
    """The conversation of a creator's member, on all channels."""

    creator_id: str
    user_id: str


RECIPIENT = "select user_id from creator_hub_messages where creator_id = %s and message_id = %s"
HEADS = """
    select creator_id, user_id, max(interaction) from creator_hub_messages
     where (creator_id, user_id) in (select * from unnest(%s::text[], %s::text[])) and interaction is not null
     group by creator_id, user_id
"""


async def conversation_heads(
    connection: AsyncConnection[Row], conversations: Set[Conversation]
) -> dict[Conversation, int]:
    """The number of the last message of each conversation that has any."""
    ordered = sorted(conversations)
    values = ([one.creator_id for one in ordered], [one.user_id for one in ordered])
    rows = await (await connection.execute(HEADS, values)).fetchall()
    return {Conversation(creator_id, user_id): number for creator_id, user_id, number in rows}


async def recipient_of(connection: AsyncConnection[Row], creator_id: str, message_id: str) -> str | None:
    """The member that a message of the creator went to, or came from; None if there is no such message."""
    row = await (await connection.execute(RECIPIENT, (creator_id, message_id))).fetchone()
    return None if row is None else str(row[0])

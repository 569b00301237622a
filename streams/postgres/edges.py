"""Rows of the nodes that hold clients' connections, so that the connections of a lost node can be closed by others."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from streams.core.read_models import Row

ADD = "insert into headwater.edges (context, node) values (%s, %s) on conflict do nothing"
RENEW = """
    update headwater.edges set renewals = renewals + 1, seen_at = now() where context = %s and node = %s and not lost
"""
OTHERS = "select node, renewals, lost from headwater.edges where context = %s and node <> %s order by node"
LOSE = "update headwater.edges set lost = true where context = %s and node = %s and renewals = %s"
REMOVE = "delete from headwater.edges where context = %s and node = %s"


class SeenNode(NamedTuple):
    """Row of a node: how many times it has been renewed, and whether another node has declared it lost."""

    node: UUID
    renewals: int
    lost: bool


async def add_node(connection: AsyncConnection[Row], context: str, node: UUID) -> None:
    """Add the row of a new node."""
    await connection.execute(ADD, (context, node))


async def renew_node(connection: AsyncConnection[Row], context: str, node: UUID) -> bool:
    """Renew the row of a node; False when the node has been declared lost."""
    return (await connection.execute(RENEW, (context, node))).rowcount == 1


async def other_nodes(connection: AsyncConnection[Row], context: str, node: UUID) -> list[SeenNode]:
    """Read the rows of all other nodes."""
    return [SeenNode(*row) for row in await (await connection.execute(OTHERS, (context, node))).fetchall()]


async def lose_node(connection: AsyncConnection[Row], context: str, seen: SeenNode) -> bool:
    """Declare a node lost, unless it has been renewed since it was seen; from then on it cannot be renewed."""
    return (await connection.execute(LOSE, (context, seen.node, seen.renewals))).rowcount == 1


async def remove_node(connection: AsyncConnection[Row], context: str, node: UUID) -> None:
    """Remove the row of a node whose connections have all been closed."""
    await connection.execute(REMOVE, (context, node))

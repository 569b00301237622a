"""One row per open connection of a live session, by the node that holds it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.live_session import ConnectionClosed, ConnectionOpened, Role, SessionEnded
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, delete, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case ConnectionOpened() as fact:
            yield put(
                fact.connection_id,
                session=fact.session,
                tenant=fact.tenant,
                session_id=fact.session_id,
                mark=fact.mark,
                node=fact.node,
                role=fact.role.value,
                opened_at=fact.at,
            )
        case ConnectionClosed() as fact:
            yield delete(fact.connection_id)
        case SessionEnded() as fact:
            for connection_id in fact.connections:
                yield delete(connection_id)


CONNECTIONS = ReadModel(
    "content_generator_connections",
    version=1,
    key=("connection_id",),
    project=project,
    ddl="""
    create table {table} (
        connection_id   text primary key,
        session         text not null,
        tenant          text not null,
        session_id      text not null,
        mark            text not null,
        node            text not null,
        role            text not null,
        opened_at       timestamptz not null
    );
    create index on {table} (session);
    create index on {table} (node);
""",
)


class ConnectionRow(NamedTuple):
    """A connection, as a command that closes it needs it."""

    connection_id: str
    session: str
    tenant: str
    session_id: str
    node: str
    role: Role


OF_NODES = f"""
    select {", ".join(f"c.{name}" for name in ConnectionRow._fields)}
      from content_generator_connections c where c.node = any(%s) order by c.opened_at, c.connection_id
"""


async def connections_of(connection: AsyncConnection[Row], nodes: Collection[str]) -> list[ConnectionRow]:
    """The open connections that these nodes hold, in the order in which they were opened."""
    rows = [ConnectionRow(*row) for row in await (await connection.execute(OF_NODES, (list(nodes),))).fetchall()]
    return [row._replace(role=Role(row.role)) for row in rows]


async def nodes_connected(connection: AsyncConnection[Row]) -> set[str]:
    """The nodes that hold open connections."""
    sql = "select distinct node from content_generator_connections"
    return {node for (node,) in await (await connection.execute(sql)).fetchall()}

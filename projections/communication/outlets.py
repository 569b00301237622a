"""One row per endpoint of webhooks: its address, what it is told, whether it takes it; and how far it has been told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from domain.communication.outlet import OutletRegistered, OutletTold
from projections.communication.queries.journal import CONTEXT
from projections.webhooks import health
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case OutletRegistered() as registered:
            yield put(
                registered.endpoint_id, url=registered.url, types=list(registered.types), registered_at=registered.at
            )
    yield from health(event.fact)


def project_told(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case OutletTold() as told:
            yield put(told.endpoint_id, told.partition, sequence=told.sequence)


OUTLETS = ReadModel(
    "communication_outlets",
    version=1,
    key=("endpoint_id",),
    project=project,
    ddl="""
    create table {table} (
        endpoint_id     text primary key,
        url             text not null,
        types           jsonb not null,
        health          text not null default 'enabled',
        reason          text,
        failing_since   timestamptz,
        registered_at   timestamptz not null
    );
""",
)

OUTLETS_TOLD = ReadModel(
    "communication_outlets_told",
    version=1,
    key=("endpoint_id", "partition"),
    project=project_told,
    ddl="""
    create table {table} (
        endpoint_id     text not null,
        partition       int not null,
        sequence        bigint not null,
        primary key (endpoint_id, partition)
    );
""",
)


class OutletRow(NamedTuple):
    """An endpoint. `health` is enabled or disabled, and `reason` says why it is."""

    endpoint_id: str
    url: str
    types: Sequence[str]
    health: str
    reason: str | None
    failing_since: datetime | None
    registered_at: datetime


async def outlets(connection: AsyncConnection[Row], endpoint_id: str | None = None) -> list[OutletRow]:
    """Every endpoint, or the one with this id."""
    sql = f"""
        select {", ".join(OutletRow._fields)} from communication_outlets
         where %s::text is null or endpoint_id = %s order by registered_at, endpoint_id
    """
    return [OutletRow(*row) for row in await (await connection.execute(sql, (endpoint_id, endpoint_id))).fetchall()]


class Untold(NamedTuple):
    """An event that the endpoint has not been told."""

    partition: int
    sequence: int
    event_id: UUID
    correlation_id: UUID
    name: str
    at: datetime
    body: Mapping[str, Any]


UNTOLD = """
    select p.partition, p.sequence, j.sequence, j.event_id, j.correlation_id, j.name, j.at, j.data
      from headwater.partitions p
      left join communication_outlets_told t on t.endpoint_id = %(endpoint_id)s and t.partition = p.partition
      left join lateral (
           select * from headwater.journal
            where context = p.context and partition = p.partition and name = any(%(names)s) and at >= %(since)s
              and sequence > greatest(t.sequence, (%(seen)s::jsonb ->> p.partition::text)::bigint, 0)
              and sequence <= p.sequence
            order by sequence limit %(most)s) j on true
     where p.context = %(context)s order by p.partition, j.sequence
"""


async def untold(
    connection: AsyncConnection[Row], outlet: OutletRow, names: Sequence[str], seen: Mapping[int, int], most: int
) -> tuple[list[Untold], dict[int, int]]:
    """Events of these names since the endpoint was registered, at most so many of each partition, and where each ends.

    `seen` is how far partitions have been looked through already, beyond what is on record as told.
    """
    ends = orjson.dumps({str(partition): sequence for partition, sequence in seen.items()}).decode()
    values = {
        "endpoint_id": outlet.endpoint_id,
        "names": list(names),
        "since": outlet.registered_at,
        "most": most,
        "context": CONTEXT,
        "seen": ends,
    }
    rows = await (await connection.execute(UNTOLD, values)).fetchall()
    found = [Untold._make((row[0], *row[2:7], orjson.loads(row[7]))) for row in rows if row[2] is not None]
    return found, {row[0]: row[1] for row in rows}

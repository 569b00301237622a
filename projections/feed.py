"""The events of a context beyond the cursors of a webhook endpoint, read from the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from psycopg import AsyncConnection

from domain.webhooks import FeedEvent
from streams.core.read_models import Row

UNDELIVERED = """
    select p.partition, p.sequence, j.sequence, j.event_id, j.correlation_id, j.name, j.at, j.data
      from headwater.partitions p
      left join {context}_webhook_cursors c on c.endpoint_id = %(endpoint_id)s and c.partition = p.partition
      left join lateral (
           select * from headwater.journal
            where context = p.context and partition = p.partition and name = any(%(names)s) and at >= %(since)s
              and sequence > greatest(c.sequence, (%(seen)s::jsonb ->> p.partition::text)::bigint, 0)
              and sequence <= p.sequence
            order by sequence limit %(most)s) j on true
     where p.context = %(context)s order by p.partition, j.sequence
"""


async def undelivered_events(
    connection: AsyncConnection[Row],
    context: str,
    endpoint_id: str,
    since: datetime,
    names: Sequence[str],
    seen: Mapping[int, int],
    most: int,
) -> tuple[list[FeedEvent], dict[int, int]]:
    """Events of these names since that time and beyond the cursors, at most `most` of each partition; and the last
    sequence of each partition.

    `seen` is the sequence up to which each partition has been searched, beyond its cursor.
    """
    values = {
        "endpoint_id": endpoint_id,
        "names": list(names),
        "since": since,
        "most": most,
        "context": context,
        "seen": orjson.dumps({str(partition): sequence for partition, sequence in seen.items()}).decode(),
    }
    rows = await (await connection.execute(UNDELIVERED.format(context=context), values)).fetchall()
    found = [
        FeedEvent(context, partition, sequence, event_id, correlation_id, name, at, orjson.loads(data))
        for partition, _, sequence, event_id, correlation_id, name, at, data in rows
        if sequence is not None
    ]
    return found, {partition: end for partition, end, *_ in rows}

"""The events of a context beyond the cursors of a webhook endpoint, read from the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg import AsyncConnection

from domain.webhooks import FeedEvent
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Row

UNDELIVERED = """
    select p.partition, p.sequence, j.sequence, j.event_id, j.correlation_id, j.name, j.at, j.data, k.subject, k.wrapped
      from headwater.partitions p
      left join {context}_webhook_cursors c on c.endpoint_id = %(endpoint_id)s and c.partition = p.partition
      left join lateral (
           select * from headwater.journal
            where context = p.context and partition = p.partition and name = any(%(names)s) and at >= %(since)s
              and sequence > greatest(c.sequence, (%(seen)s::jsonb ->> p.partition::text)::bigint, 0)
              and sequence <= p.sequence
            order by sequence limit %(most)s) j on true
      left join headwater.subject_keys k on k.subject = coalesce(j.subject, j.context || ':' || j.key)
     where p.context = %(context)s order by p.partition, j.sequence
"""


async def undelivered_events(
    connection: AsyncConnection[Row],
    mapper: Mapper,
    context: str,
    endpoint_id: str,
    since: datetime,
    names: Sequence[str],
    seen: Mapping[int, int],
    most: int,
) -> tuple[list[FeedEvent], dict[int, int]]:
    """Events of these names since that time and beyond the cursors, at most `most` of each partition; and the last
    sequence of each partition.

    Of the personal values in a body, only the remarks are in clear. `seen` is the sequence up to which each partition
    has been searched, beyond its cursor.
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
        FeedEvent(context, partition, sequence, event_id, correlation_id, name, at, _body(mapper, name, data, *key))
        for partition, _, sequence, event_id, correlation_id, name, at, data, *key in rows
        if sequence is not None
    ]
    return found, {partition: end for partition, end, *_ in rows}


def _body(mapper: Mapper, name: str, data: bytes, subject: str | None, wrapped: bytes | None) -> dict[str, Any]:
    if subject is not None:
        mapper.keyring.learn(WrappedKey(subject, wrapped))
    return mapper.with_remarks(name, data, subject)

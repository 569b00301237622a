"""The recorded events of a stream, read from the journal: what a request waits for that answers from the log itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set

from psycopg import AsyncConnection

from domain.messages import Event
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Row

HEADS = """
    select s.stream, j.version
      from unnest(%s::text[]) as s(stream)
      cross join lateral (
           select version from headwater.journal
            where context = %s and stream = s.stream order by version desc limit 1) j
"""

EVENTS = """
    select j.name, j.data, j.subject, k.subject, k.wrapped
      from headwater.journal j
      left join headwater.subject_keys k on k.subject = coalesce(j.subject, j.context || ':' || j.key)
     where j.context = %s and j.stream = %s and j.version > %s order by j.version
"""

StreamHeads = Callable[[AsyncConnection[Row], Set[str]], Awaitable[dict[str, int]]]


def stream_heads(context: str) -> StreamHeads:
    """The query for the versions of a context's streams, by their names (`category/id`)."""

    async def heads(connection: AsyncConnection[Row], streams: Set[str]) -> dict[str, int]:
        return dict(await (await connection.execute(HEADS, (sorted(streams), context))).fetchall())

    return heads


async def events_of(
    connection: AsyncConnection[Row], mapper: Mapper, context: str, stream: str, after: int = 0
) -> list[Event]:
    """The events of a stream after this version, in order; the values of an erased person are None."""
    rows = await (await connection.execute(EVENTS, (context, stream, after))).fetchall()
    for *_, subject, wrapped in rows:
        if subject is not None:
            mapper.keyring.learn(WrappedKey(subject, wrapped))
    return [mapper.decode_as(Event, name, data, subject) for name, data, subject, _, _ in rows]

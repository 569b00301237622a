"""The channels of a creator, with the members who wrote on each."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from projections.creator_hub.channels import ChannelRow, channel_of
from streams.core.read_models import Row


class ListedChannel(NamedTuple):
    """A channel. `members` have written on it at least once."""

    channel: ChannelRow
    members: int
    last_activity_at: datetime | None


CHANNELS = f"""
    select {", ".join(f"c.{name}" for name in ChannelRow._fields)},
           (select coalesce(sum(d.new_users), 0)::bigint from creator_hub_daily d
             where d.creator_id = c.creator_id and d.channel_id = c.channel_id),
           c.last_activity_at
      from creator_hub_channels c where c.creator_id = %s order by c.created_at desc, c.channel_id
"""


async def channels_of(connection: AsyncConnection[Row], creator_id: str) -> list[ListedChannel]:
    """The creator's channels, the newest first."""
    rows = await (await connection.execute(CHANNELS, (creator_id,))).fetchall()
    return [ListedChannel(channel_of(tuple(channel)), members, at) for *channel, members, at in rows]

"""Deliveries on record, for the look-up of one whose fate is unknown."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from commands.communication.effects import SendMessage
from domain.communication.kinds import Channel
from projections.communication.queries.status import recorded_ids, settled_id
from streams.postgres.reads import Reads


class RecordedDeliveries:
    """Reads the deliveries of one channel from the read models."""

    def __init__(self, dsn: str, channel: Channel) -> None:
        self._reads = Reads(dsn, size=1)
        self._channel = channel

    async def settled(self, effect: SendMessage) -> str | None:
        """The provider's id of a message that a report has told about; "" if the report gave none."""
        await self._reads.open()
        async with self._reads.connection() as connection:
            return await settled_id(connection, effect.message_id, self._channel)

    async def taken(self, provider_ids: Sequence[str]) -> Collection[str]:
        """Those of the ids that belong to deliveries."""
        await self._reads.open()
        async with self._reads.connection() as connection:
            return await recorded_ids(connection, provider_ids)

    async def close(self) -> None:
        await self._reads.close()

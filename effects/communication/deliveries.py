"""The provider's ids that are on record for deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from projections.communication.queries.status import recorded_ids
from streams.postgres.reads import Reads


class RecordedDeliveries:
    """Reads from the read models which ids belong to deliveries."""

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=1)

    async def __call__(self, provider_ids: Sequence[str]) -> Collection[str]:
        await self._reads.open()
        async with self._reads.connection() as connection:
            return await recorded_ids(connection, provider_ids)

    async def close(self) -> None:
        await self._reads.close()

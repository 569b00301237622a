"""The search for the users behind a STOP that came in by text."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout

from commands.communication.effects import FindSenders
from projections.communication.recipients import RECIPIENTS, users_with_mark
from streams.core.calls import Accepted, Deferred, Verdict
from streams.core.partitions import partition_of
from streams.core.read_models import Row
from streams.postgres.reads import Reads
from streams.postgres.status import installation

BEHIND_SECONDS = 60.0
"""Seconds until a halted read model is read again."""


class SenderSearch:
    """Finds the users of one partition whose phone number hashes to a STOP's mark. Waits for a halted read model."""

    provider = "read model"
    idempotent = True

    def __init__(self, dsn: str, salt: bytes) -> None:
        self._reads = Reads(dsn, size=2)
        self._salt = salt

    async def __call__(self, effect: FindSenders, key: str) -> Verdict:
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                if await self._behind(connection):
                    return Deferred("read_model_behind", "not everybody's number can be seen", BEHIND_SECONDS)
                users = await users_with_mark(connection, self._salt, effect.mark)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "whose number it is could not be asked")
        here = [user for user in users if partition_of(str(user), effect.partitions) == effect.partition]
        return Accepted(effect.stop_id, {"user_ids": [user for user in here if user not in effect.told]})

    async def _behind(self, connection: psycopg.AsyncConnection[Row]) -> bool:
        """Only a halt keeps the read model behind this task: both are written in one transaction."""
        live = (p for p in (await installation(connection)).projections if p.state == "live")
        return any(projection.name == RECIPIENTS.name and projection.lag_events for projection in live)

    async def close(self) -> None:
        await self._reads.close()

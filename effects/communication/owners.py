"""The owners of an address: its mark, and the search for those behind a STOP or a provider's report."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout

from commands.communication.effects import FindOwners, FindSenders, MarkAddress
from connectors.sms import ERASED
from domain.communication.addresses import canonical
from domain.communication.kinds import Channel
from projections.communication.recipients import RECIPIENTS, users_with_mark
from streams.core.calls import Accepted, Deferred, Verdict
from streams.core.partitions import key_in_each, partition_of
from streams.core.read_models import Row
from streams.core.secrets import Secrets
from streams.postgres.reads import Reads
from streams.postgres.status import installation

BEHIND_SECONDS = 60.0
"""Seconds until a halted read model is read again."""

PARTITIONS = "select count(*) from headwater.partitions where context = 'communication'"
AWAY = Deferred("database_away", "whose address it is could not be asked")


class OwnerSearch:
    """Finds the users of one partition whose address hashes to a mark. Waits for a halted read model."""

    provider = "read model"
    idempotent = True

    def __init__(self, dsn: str, salt: bytes) -> None:
        self._reads = Reads(dsn, size=2)
        self._salt = salt

    async def __call__(self, effect: FindSenders | FindOwners, key: str) -> Verdict:
        channel, told = _scope(effect)
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                if await self._behind(connection):
                    return Deferred("read_model_behind", "not everybody's address can be seen", BEHIND_SECONDS)
                users = await users_with_mark(connection, channel, self._salt, effect.mark)
        except (psycopg.Error, PoolTimeout):
            return AWAY
        here = [user for user in users if partition_of(str(user), effect.partitions) == effect.partition]
        return Accepted(effect.mark[:32], {"user_ids": [user for user in here if user not in told]})

    async def _behind(self, connection: psycopg.AsyncConnection[Row]) -> bool:
        """Only a halt keeps the read model behind this task: both are written in one transaction."""
        live = (p for p in (await installation(connection)).projections if p.state == "live")
        return any(projection.name == RECIPIENTS.name and projection.lag_events for projection in live)

    async def close(self) -> None:
        await self._reads.close()


def _scope(effect: FindSenders | FindOwners) -> tuple[Channel, tuple[int, ...]]:
    """The channel of the address, and the users to leave out."""
    return (Channel.SMS, effect.told) if isinstance(effect, FindSenders) else (effect.channel, ())


class AddressMark:
    """Marks an address, and names a key of its report in each partition."""

    provider = "secret"
    idempotent = True

    def __init__(self, dsn: str, secrets: Secrets) -> None:
        self._reads = Reads(dsn, size=1)
        self._secrets = secrets

    async def __call__(self, effect: MarkAddress, key: str) -> Verdict:
        if effect.address is None:
            return ERASED
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                row = await (await connection.execute(PARTITIONS)).fetchone()
        except (psycopg.Error, PoolTimeout):
            return AWAY
        assert row is not None
        mark = self._secrets.mark(canonical(effect.channel, effect.address))
        return Accepted(effect.report_id, {"mark": mark, "keys": key_in_each(effect.report_id, row[0])})

    async def close(self) -> None:
        await self._reads.close()

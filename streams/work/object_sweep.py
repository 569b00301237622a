"""Sweep of the objects and credentials that no event keeps: their command was never sent, their worker was killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import psycopg
from psycopg_pool import PoolTimeout

from streams.core.clock import Clock
from streams.core.gateway import Gateway, Pending, Unavailable, envelop
from streams.core.partitions import partition_of
from streams.core.wiring import ProbePartition
from streams.postgres.object_rows import UnkeptObject, sweep, unkept_before
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

KEPT_WITHIN = timedelta(hours=24)
PAUSE = timedelta(hours=1)
RETRY_SECONDS = 5.0
PROBE_SECONDS = 30.0
AT_ONCE = 200
AWAY = (psycopg.OperationalError, PoolTimeout, Unavailable)


class ObjectSweep:
    """Removes objects and credentials that were put a day ago, by the engine's clock, and that no event has kept since.

    An event that keeps one may be in the log and not yet in the database, while processors or projectors are down. So a
    command without effect is sent after the objects are found: what was sent before it is projected with its outcome.
    """

    def __init__(self, gateway: Gateway, reads: Reads, clock: Clock, partitions: int) -> None:
        self._gateway, self._reads, self._clock, self._partitions = gateway, reads, clock, partitions

    async def run(self) -> None:
        """Sweep every hour until cancelled; in several workers at once nothing is done twice."""
        while True:
            begun = self._clock.now()
            try:
                while await self.sweep() == AT_ONCE:
                    pass
            except AWAY as away:
                log.info("the sweep of objects waits: %s", type(away).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Pending:
                log.info("the sweep of objects waits until the log is projected")
            await self._clock.sleep_until(begun + PAUSE)

    async def sweep(self) -> int:
        """Remove the oldest of them; returns how many were found."""
        async with self._reads.connection() as connection:
            cursor = await connection.execute(*unkept_before(self._clock.now() - KEPT_WITHIN, AT_ONCE))
            found = [UnkeptObject(*row) for row in await cursor.fetchall()]
        if not found:
            return 0
        await self._probe(found)
        async with self._reads.connection() as connection:
            removed = (await connection.execute(*sweep([one.id for one in found]))).rowcount
        log.info("%d objects or credentials that no event keeps are removed", removed)
        return len(found)

    async def _probe(self, found: Sequence[UnkeptObject]) -> None:
        """Whatever the outcome is: it follows everything that was sent to its partition before."""
        keys = {(one.context, partition_of(one.key, self._partitions)): one.key for one in found if one.has_partitions}
        for (context, _), key in keys.items():
            command = ProbePartition(at=self._clock.now(), partition_key=key)
            await self._gateway.submit(envelop(command, context, self._partitions, "installation"), PROBE_SECONDS)

"""The search for members whom a rule may act on, once the read models have what was recorded until the search."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from commands.creator_hub.effects import FindInactive
from effects.lookup import AWAY, BEHIND
from projections.creator_hub.queries.coverage import position_of
from projections.creator_hub.queries.inactivity import READ, InactivePage, find_inactive
from streams.core.calls import Accepted, Verdict
from streams.core.read_models import Row
from streams.postgres.reads import Reads


class InactivitySearch:
    """Finds one page. It waits while a read model has halted: who would be left out might be due."""

    provider = "read model"
    idempotent = True

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=2)

    async def __call__(self, effect: FindInactive, key: str) -> Verdict:
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                if await position_of(connection, effect.creator_id, READ) is None:
                    return BEHIND
                return _found(effect, await _page(connection, effect))
        except (psycopg.Error, PoolTimeout):
            return AWAY

    async def close(self) -> None:
        await self._reads.close()


async def _page(connection: AsyncConnection[Row], effect: FindInactive) -> InactivePage:
    return await find_inactive(
        connection,
        effect.creator_id,
        effect.rule_id,
        timedelta(seconds=effect.threshold_seconds),
        effect.as_of,
        effect.applies_to,
        effect.since,
        effect.cursor,
    )


def _found(effect: FindInactive, page: InactivePage) -> Verdict:
    due = [one.model_dump(mode="json") for one in page.due]
    next_due = None if page.next_due is None else page.next_due.isoformat()
    return Accepted(effect.rule_id, {"due": due, "next": page.next, "next_due": next_due})

"""Claims on idempotency keys: the body that a key stands for is settled before anything is in the log.

Two bodies under one key may belong to different partitions, whose processors know nothing of each other. Both would
decide under the same command id. So the first request with a key claims the key in PostgreSQL, for every API node.
Claims need not outlive a crash or a day: by then the outcome itself is found, with its fingerprint.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from uuid import UUID

from psycopg import AsyncConnection

from streams.core.read_models import Row
from streams.postgres.database import Statement, read

SWEEP_SECONDS = 600.0

CLAIM = """
    insert into headwater.claims (command_id, fingerprint)
    select * from unnest(%s::uuid[], %s::text[]) order by 1 on conflict (command_id) do nothing
"""
CLAIMED = "select command_id, fingerprint from headwater.claims where command_id = any(%s::uuid[])"
FORGET = "delete from headwater.claims where claimed_at < now() - interval '1 day'"


class Claims:
    """Claims on many keys at once."""

    def __init__(self) -> None:
        self._sweep_at = time.monotonic()

    async def claim(self, connection: AsyncConnection[Row], wanted: Mapping[UUID, str]) -> dict[UUID, str]:
        """Claim the command ids that are not claimed yet, and give the fingerprint that each one is claimed for.

        Raises psycopg.Error.
        """
        if not wanted:
            return {}
        statement = Statement(CLAIM, [list(wanted), list(wanted.values())])
        await connection.execute(*statement)
        await self._sweep(connection)
        (rows,) = await read(connection, [Statement(CLAIMED, [list(wanted)])])
        return dict(rows)

    async def _sweep(self, connection: AsyncConnection[Row]) -> None:
        if time.monotonic() > self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
            await connection.execute(FORGET)

"""Background build of indexes that came with a newer release, without holding up any writer."""

from __future__ import annotations

import asyncio
import logging

import psycopg
from psycopg import AsyncConnection

from streams.core.read_models import Row
from streams.postgres.database import connect
from streams.postgres.schema import FORMER_INDEXES, INDEXES

log = logging.getLogger(__name__)

BUILDER = 0x496E6478
"""Key of the advisory lock of the one process that builds (ASCII "Indx")."""

RETRY_SECONDS = 30.0

VALID = """
    select r.relname from pg_index i join pg_class r on r.oid = i.indexrelid
     where r.relnamespace = 'headwater'::regnamespace and i.indisvalid
"""


async def build_indexes(dsn: str) -> None:
    """Build the missing indexes, and again those whose build was broken off. Returns when none is missing."""
    while True:
        try:
            async with await connect(dsn, "headwater indexes") as connection:
                if await _built(connection):
                    return
        except psycopg.Error as error:
            log.warning("the indexes are not complete yet: %s", type(error).__name__)
        await asyncio.sleep(RETRY_SECONDS)


async def _built(connection: AsyncConnection[Row]) -> bool:
    """False while another process builds. An index that is there and not valid was broken off."""
    valid = {row[0] for row in await (await connection.execute(VALID)).fetchall()}
    missing, former = INDEXES.keys() - valid, valid & set(FORMER_INDEXES)
    if not missing and not former:
        return True
    locked = await (await connection.execute("select pg_try_advisory_lock(%s)", (BUILDER,))).fetchone()
    if locked != (True,):
        return False
    for name in sorted(missing):
        log.info("building the index %s", name)
        await connection.execute(f"drop index concurrently if exists headwater.{name}".encode())
        await connection.execute(f"create index concurrently {name} on {INDEXES[name]}".encode())
    for name in sorted(former):
        await connection.execute(f"drop index concurrently if exists headwater.{name}".encode())
    return True

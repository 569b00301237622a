"""How far read models are in a creator's partition, for effects that depend on their rows."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection

from streams.core.partitions import partition_of
from streams.core.read_models import ReadModel, Row

PARTITIONS = "select count(*) from headwater.partitions where context = 'creator_hub'"

REACHED = """
    select count(*), min(c.sequence)
      from headwater.projections p join headwater.projection_checkpoints c using (table_name)
     where p.state = 'live' and p.halted_at is null and p.context = 'creator_hub' and p.name = any(%s)
       and c.partition = %s
"""


async def position_of(connection: AsyncConnection[Row], creator_id: str, models: Sequence[ReadModel]) -> int | None:
    """The sequence up to which every one of these read models has the creator's events; None if one stands still."""
    ((partitions,),) = await (await connection.execute(PARTITIONS)).fetchall()
    names = [model.name for model in models]
    values = (names, partition_of(creator_id, max(partitions, 1)))
    ((reached, sequence),) = await (await connection.execute(REACHED, values)).fetchall()
    return int(sequence) if reached == len(names) else None

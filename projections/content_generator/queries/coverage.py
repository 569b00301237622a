"""Whether read models are far enough for an effect that depends on their rows."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection

from projections.content_generator.campaign_recipients import CAMPAIGN_RECIPIENTS
from projections.content_generator.recipients import RECIPIENTS
from streams.core.read_models import ReadModel, Row

AUDIENCE = (CAMPAIGN_RECIPIENTS, RECIPIENTS)
"""The read models that hold the recipients of a batch, and whether they want mail."""

REACHED = """
    select count(*) from headwater.projections p join headwater.projection_checkpoints c using (table_name)
     where p.state = 'live' and p.halted_at is null and p.context = 'content_generator' and p.name = any(%s)
       and c.partition = %s and c.sequence >= %s
"""


async def covers(
    connection: AsyncConnection[Row], partition: int, sequence: int, models: Sequence[ReadModel] = AUDIENCE
) -> bool:
    """Whether every one of these read models includes that record of the partition, and goes on.

    One that has halted since might lack an unsubscribe.
    """
    names = [model.name for model in models]
    row = await (await connection.execute(REACHED, (names, partition, sequence))).fetchone()
    return row == (len(names),)

"""The recipients of one batch, as they are now: without those who want no mail, and those who were erased."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import AsyncConnection

from domain.content_generator.recipient import RecipientStatus
from streams.core.read_models import Row


class Addressee(NamedTuple):
    """A recipient who is written to."""

    mark: str
    address: str
    name: str | None


class Batch(NamedTuple):
    """The recipients of a batch. `suppressed` is the number of those left out, who are in no other batch either."""

    addressees: list[Addressee]
    suppressed: int


BATCH = """
    select r.mark, r.address, r.recipient_name, r.address is not null and coalesce(s.status, %(active)s) = %(active)s
      from content_generator_campaign_recipients r left join content_generator_recipients s on s.mark = r.mark
     where r.campaign_id = %(campaign_id)s and r.round = %(round)s and r.batch = %(batch)s order by r.mark
"""
"""Of a campaign whose audience was read twice, only the recipients of one reading."""


async def batch_of(connection: AsyncConnection[Row], campaign_id: str, round_: int, batch: int) -> Batch:
    """The batch of one reading of the audience. Ask `covers` first whether the rows are there that it needs."""
    values = {"campaign_id": campaign_id, "round": round_, "batch": batch, "active": RecipientStatus.ACTIVE.value}
    rows = await (await connection.execute(BATCH, values)).fetchall()
    wanted = [Addressee(mark, address, name) for mark, address, name, wanted in rows if wanted]
    return Batch(wanted, len(rows) - len(wanted))

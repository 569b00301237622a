"""One row per mailbox that was reported dead, by its mark: a hash that only this installation can make.

The report is on record once in each partition, and each of them writes a row, so that one is there as soon as a
partition's records are. Nothing here says whose mailbox it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import AsyncConnection

from domain.communication.address_report import ReportHeard
from domain.communication.events import CommunicationEvent
from domain.communication.kinds import Channel
from domain.communication.permanent_codes import AddressFact
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case ReportHeard(channel=Channel.EMAIL, fact=AddressFact.DEAD) as heard:
            yield put(heard.mark, event.position.partition, reported_at=heard.reported_at)


DEAD_MAILBOXES = ReadModel(
    "communication_dead_mailboxes",
    version=1,
    key=("mark", "partition"),
    project=project,
    ddl="""
    create table {table} (
        mark            text not null,
        partition       int not null,
        reported_at     timestamptz not null,
        primary key (mark, partition)
    );
""",
)


async def is_dead(connection: AsyncConnection[Row], mark: str) -> bool:
    """Whether the mailbox with this mark was reported dead."""
    sql = "select exists (select from communication_dead_mailboxes where mark = %s)"
    row = await (await connection.execute(sql, (mark,))).fetchone()
    return row is not None and bool(row[0])

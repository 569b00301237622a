"""One row per budget threshold that was reached: recorded once a period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.communication.budget import BudgetThresholdReached
from domain.communication.money import Microcents
from streams.database import Row
from streams.envelope import Recorded
from streams.read_models import Change, ReadModel, put


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case BudgetThresholdReached() as reached:
            yield put(reached.period.value, reached.start, reached.percent, reached_at=reached.at, spent=reached.spent,
                      budget=reached.limit)  # fmt: skip


THRESHOLDS = ReadModel("communication_budget_thresholds", version=1, key=("period", "start", "percent"),
                       project=project, ddl="""
    create table {table} (
        period          text not null,
        start           date not null,
        percent         int not null,
        reached_at      timestamptz not null,
        spent           bigint not null,
        budget          bigint not null,
        primary key (period, start, percent)
    );
""")  # fmt: skip


class ThresholdRow(NamedTuple):
    """`start` is the first day of the period, amounts are microcents."""

    period: str
    start: date
    percent: int
    reached_at: datetime
    spent: Microcents
    budget: Microcents


async def thresholds_reached(connection: AsyncConnection[Row], since: date) -> list[ThresholdRow]:
    """Thresholds reached in periods that began on this day or later, the latest first."""
    sql = """
        select period, start, percent, reached_at, spent, budget from communication_budget_thresholds
         where start >= %s order by reached_at desc, percent desc
    """
    return [ThresholdRow(*row) for row in await (await connection.execute(sql, (since,))).fetchall()]

"""One row per budget threshold reached, once a period. Read by SQL and `headwater audit as-of`.

`start` is the first day of the period, amounts are microcents.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.communication.budget import BudgetThresholdReached
from domain.communication.events import CommunicationEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case BudgetThresholdReached() as reached:
            yield put(
                reached.period.value,
                reached.start,
                reached.percent,
                reached_at=reached.at,
                spent=reached.spent,
                budget=reached.limit,
            )


THRESHOLDS = ReadModel(
    "communication_budget_thresholds",
    version=1,
    key=("period", "start", "percent"),
    project=project,
    ddl="""
    create table {table} (
        period          text not null,
        start           date not null,
        percent         int not null,
        reached_at      timestamptz not null,
        spent           bigint not null,
        budget          bigint not null,
        primary key (period, start, percent)
    );
""",
)

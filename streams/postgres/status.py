"""Status of an installation: projections with lag, partitions, tasks; for `/ready`, `/metrics` and the command line."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import AsyncConnection

from streams.core.read_models import Row
from streams.postgres.database import Statement, read
from streams.telemetry.metrics import HALTED, LAG_EVENTS, LAG_SECONDS, TASKS, TASKS_OVERDUE_SECONDS

PROJECTIONS = """
    select p.table_name, p.name, p.version, p.context, p.state, p.halted_at, p.error,
           coalesce(sum(h.sequence - c.sequence), 0)::bigint,
           coalesce(extract(epoch from now() - min(j.at)), 0)::float
      from headwater.projections p
      join headwater.projection_checkpoints c using (table_name)
      join headwater.partitions h on h.context = p.context and h.partition = c.partition
      left join headwater.journal j on p.state <> 'retired' and j.context = p.context and j.partition = c.partition
                                   and j.sequence = c.sequence + 1
     group by p.table_name order by p.name, p.version, p.table_name
"""

PARTITIONS = "select context, partition, sequence from headwater.partitions order by 1, 2"

TASKS_BY_STATE = "select context, kind, state, count(*) from headwater.tasks group by 1, 2, 3"

OVERDUE = """
    select coalesce(extract(epoch from now() - min(due_at)), 0)::float
      from headwater.tasks where state = 'waiting' and due_at < now()
"""

KEPT_TASKS = """
    select id::text, context, kind, name, state, error, due_at::text from headwater.tasks
     where state in ('failed', 'unreadable') order by due_at limit 20
"""

LOG_HALTS = "select context, partition, role, error from headwater.log_halts order by 1, 2, 3"


class LogHalt(NamedTuple):
    """A partition of the log at which a role of the distributed runtime has halted."""

    context: str
    partition: int
    role: str
    error: str


class ProjectionStatus(NamedTuple):
    """Status of one projection table. Lag in journal records, and as the age of the first missing record in seconds."""

    table: str
    name: str
    version: int
    context: str
    state: str
    halted_at: str | None
    error: str | None
    lag_events: int
    lag_seconds: float


class KeptTask(NamedTuple):
    """A task that cannot go on: its command failed by a bug, or the running code cannot read it."""

    id: str
    context: str
    kind: str
    name: str
    state: str
    error: str | None
    due_at: str


class Installation(NamedTuple):
    """Status of an installation at one instant."""

    projections: list[ProjectionStatus]
    partitions: list[tuple[str, int, int]]
    tasks: list[tuple[str, str, str, int]]
    overdue_seconds: float
    log_halts: list[LogHalt]
    kept_tasks: list[KeptTask]

    @property
    def halted(self) -> list[ProjectionStatus]:
        return [projection for projection in self.projections if projection.halted_at is not None]

    def report(self) -> dict[str, Any]:
        """The status as JSON values, for `/ready` and `headwater status --json`."""
        return {
            "projections": [projection._asdict() for projection in self.projections],
            "partitions": [{"context": c, "partition": p, "sequence": s} for c, p, s in self.partitions],
            "tasks": [{"context": c, "kind": k, "state": s, "count": n} for c, k, s, n in self.tasks],
            "tasks_overdue_seconds": self.overdue_seconds,
            "log_halts": [halt._asdict() for halt in self.log_halts],
            "kept_tasks": [task._asdict() for task in self.kept_tasks],
        }


async def installation(connection: AsyncConnection[Row]) -> Installation:
    """Read the status in one round trip."""
    every = (PROJECTIONS, PARTITIONS, TASKS_BY_STATE, OVERDUE, LOG_HALTS, KEPT_TASKS)
    results = await read(connection, [Statement(sql) for sql in every])
    projections, partitions, tasks, ((overdue,),), halts, kept = results
    return Installation(
        [ProjectionStatus(*row) for row in projections],
        [(context, partition, sequence) for context, partition, sequence in partitions],
        [(context, kind, state, count) for context, kind, state, count in tasks],
        overdue,
        [LogHalt(*row) for row in halts],
        [KeptTask(*row) for row in kept],
    )


def measure(found: Installation) -> None:
    """Set the Prometheus gauges to this status."""
    for gauge in (LAG_EVENTS, LAG_SECONDS, HALTED, TASKS):
        gauge.clear()
    for projection in found.projections:
        if projection.state != "retired":
            LAG_EVENTS.labels(projection.table).set(projection.lag_events)
            LAG_SECONDS.labels(projection.table).set(projection.lag_seconds)
            HALTED.labels(projection.table).set(projection.halted_at is not None)
    for context, kind, state, count in found.tasks:
        TASKS.labels(context, kind, state).set(count)
    TASKS_OVERDUE_SECONDS.set(found.overdue_seconds)

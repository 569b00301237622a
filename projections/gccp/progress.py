"""One row per event of a generation, in the order of the log: the progress that a client follows.

`sequence` is the event's place in its partition, so a client can continue after the last one it has seen. `event` is
the last part of the event's name but its version (`step_completed`); `percent` says how many of the five steps are
done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp.call import (
    CallAnswered,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    GenerationStepStarted,
    OfGeneration,
)
from domain.gccp.course import Step
from domain.gccp.events import GccpEvent
from domain.gccp.generation import (
    STEPS,
    GenerationCancelled,
    GenerationCompleted,
    GenerationEvent,
    GenerationFailed,
    GenerationQueued,
    GenerationRetried,
    GenerationStarted,
)
from streams.core.envelope import Position, Recorded
from streams.core.read_models import Change, ReadModel, Row, put

ENDS = frozenset({"completed", "failed", "cancelled"})
"""The last events of a generation, unless it is retried."""

NO_REASON: dict[str, object] = {"code": None, "reason": None, "retry_at": None}


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case OfGeneration() as fact:
            yield put(
                fact.generation_id,
                event.position.sequence,
                partition=event.position.partition,
                owner=fact.owner,
                at=fact.at,
                event=fact.name.split(".")[2],
                step=_step(fact),
                percent=_percent(fact),
                **_why(fact),
            )


def _step(fact: GenerationEvent) -> str | None:
    match fact:
        case GenerationRetried():
            return fact.resumed_from.value
        case GenerationStepStarted() | CallAnswered() | GenerationFailed() | GenerationCancelled():
            return fact.step.value
        case GenerationQueued() | GenerationStarted() | GenerationCompleted():
            return None
        case _:
            assert_never(fact)


def _percent(fact: GenerationEvent) -> int:
    if isinstance(fact, GenerationCompleted):
        return 100
    step = _step(fact)
    if step is None:
        return 0
    return (STEPS.index(Step(step)) + isinstance(fact, GenerationStepCompleted)) * 100 // len(STEPS)


def _why(fact: GenerationEvent) -> dict[str, object]:
    match fact:
        case GenerationStepDeferred():
            return {"code": fact.code, "reason": fact.reason, "retry_at": fact.retry_at}
        case GenerationStepFailed() | GenerationFailed():
            return {"code": str(fact.code), "reason": fact.reason, "retry_at": None}
        case GenerationAnswerUnfit():
            return {"code": None, "reason": fact.fault, "retry_at": None}
        case GenerationQueued() | GenerationStarted() | GenerationRetried() | GenerationCancelled():
            return NO_REASON
        case GenerationStepStarted() | GenerationStepCompleted() | GenerationAnswerDiscarded() | GenerationCompleted():
            return NO_REASON
        case _:
            assert_never(fact)


PROGRESS = ReadModel(
    "gccp_generation_progress",
    version=2,
    key=("generation_id", "sequence"),
    project=project,
    subject="owner",
    personal=("reason",),
    ddl="""
    create table {table} (
        generation_id   uuid not null,
        sequence        bigint not null,
        partition       int not null,
        owner           text not null,
        at              timestamptz not null,
        event           text not null,
        step            text,
        percent         int not null,
        code            text,
        reason          text,
        retry_at        timestamptz,
        primary key (generation_id, sequence)
    );
""",
)


class ProgressRow(NamedTuple):
    """One event of a generation. A client continues after the last `position` it has seen."""

    position: Position
    at: datetime
    event: str
    step: str | None
    percent: int
    code: str | None
    reason: str | None
    retry_at: datetime | None


async def progress_after(
    connection: AsyncConnection[Row], generation_id: UUID, last_seen: Position | None = None, limit: int = 100
) -> list[ProgressRow]:
    """The generation's events after `last_seen`, or from the beginning, in order."""
    sql = """
        select partition, sequence, at, event, step, percent, code, reason, retry_at from gccp_generation_progress
         where generation_id = %s and sequence > %s order by sequence limit %s
    """
    values = (generation_id, 0 if last_seen is None else last_seen.sequence, limit)
    rows = await (await connection.execute(sql, values)).fetchall()
    return [ProgressRow(Position("gccp", partition, sequence), *others) for partition, sequence, *others in rows]


async def heads_of(connection: AsyncConnection[Row], generation_ids: Collection[UUID]) -> dict[UUID, int]:
    """The sequence of the last event of each of these generations."""
    sql = """
        select generation_id, max(sequence) from gccp_generation_progress
         where generation_id = any(%s) group by generation_id
    """
    rows = await (await connection.execute(sql, (list(generation_ids),))).fetchall()
    return dict(rows)

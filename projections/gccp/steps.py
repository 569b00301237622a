"""One row per generation and begun step: its state, and its output once it is done (the checkpoint).

`status` is running, waiting (until `retry_at`), completed, failed or cancelled. `started_at` is that of its last call.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp.call import GenerationStepCompleted, GenerationStepDeferred, GenerationStepStarted
from domain.gccp.course import ContentMode, Step
from domain.gccp.events import GccpEvent
from domain.gccp.generation import GenerationCancelled, GenerationFailed
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case GenerationStepStarted() as started:
            yield _started(started)
        case GenerationStepDeferred() as deferred:
            yield change(deferred.generation_id, deferred.step.value, status="waiting", retry_at=deferred.retry_at)
        case GenerationStepCompleted() as done:
            yield _completed(done)
        case GenerationFailed() as failed:
            yield change(failed.generation_id, failed.step.value, status="failed", retry_at=None)
        case GenerationCancelled(call_open=True) as cancelled:
            yield change(cancelled.generation_id, cancelled.step.value, status="cancelled", retry_at=None)


def _started(started: GenerationStepStarted) -> Change:
    return put(
        started.generation_id,
        started.step.value,
        owner=started.owner,
        status="running",
        place=list(Step).index(started.step),
        started_at=started.at,
        retry_at=None,
    )


def _completed(done: GenerationStepCompleted) -> Change:
    return change(
        done.generation_id,
        done.step.value,
        status="completed",
        retry_at=None,
        completed_at=done.at,
        provider=done.provider,
        model=done.usage.model,
        output=done.output,
    )


STEPS = ReadModel(
    "gccp_generation_steps",
    version=1,
    key=("generation_id", "step"),
    project=project,
    subject="owner",
    personal=("output",),
    ddl="""
    create table {table} (
        generation_id   uuid not null,
        step            text not null,
        owner           text not null,
        place           int not null,
        status          text not null,
        provider        text,
        model           text,
        output          text,
        started_at      timestamptz not null,
        completed_at    timestamptz,
        retry_at        timestamptz,
        primary key (generation_id, step)
    );
""",
)


class StepRow(NamedTuple):
    """A begun step, with the usage of all its calls so far (microcents)."""

    step: str
    status: str
    provider: str | None
    model: str | None
    started_at: datetime
    completed_at: datetime | None
    retry_at: datetime | None
    calls: int
    input_tokens: int
    output_tokens: int
    cost_microcents: int


class Content(NamedTuple):
    """The content of a generation: Markdown, or an assignment as JSON. `text` is None once its owner has been erased.

    `provider` and `model` are those of the last step; `offline`: without a language model.
    """

    mode: ContentMode
    text: str | None
    provider: str
    model: str
    completed_at: datetime


async def steps_of(connection: AsyncConnection[Row], generation_id: UUID) -> list[StepRow]:
    """The steps that have begun, in order."""
    sql = """
        select s.step, s.status, s.provider, s.model, s.started_at, s.completed_at, s.retry_at,
               count(distinct c.call)::int, coalesce(sum(c.input_tokens), 0)::bigint,
               coalesce(sum(c.output_tokens), 0)::bigint, coalesce(sum(c.cost_microcents), 0)::bigint
          from gccp_generation_steps s left join gccp_generation_calls c using (generation_id, step)
         where s.generation_id = %s
         group by s.place, s.step, s.status, s.provider, s.model, s.started_at, s.completed_at, s.retry_at
         order by s.place
    """
    return [StepRow(*row) for row in await (await connection.execute(sql, (generation_id,))).fetchall()]


async def content_of(connection: AsyncConnection[Row], generation_id: UUID) -> Content | None:
    """The content of a completed generation, else None."""
    sql = """
        select g.mode, s.output, s.provider, s.model, s.completed_at
          from gccp_generations g join gccp_generation_steps s using (generation_id)
         where generation_id = %s and g.status = 'completed' and s.step = %s
    """
    row = await (await connection.execute(sql, (generation_id, Step.FORMATTING.value))).fetchone()
    if row is None:
        return None
    mode, *others = row
    return Content(ContentMode(mode), *others)

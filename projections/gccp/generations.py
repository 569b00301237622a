"""One row per generation: the request and its progress.

`status` is the document's (queued, processing, completed, failed) or `cancelled`. `step` is the current or next one;
`steps_done` counts up to 5. `retry_at` is set while the provider has asked to wait. `code` is the
document's code of a failure, `cause` the provider's own or ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp import generation as domain
from domain.gccp.call import (
    CallAnswered,
    CallEvent,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
    GenerationStepStarted,
    OfGeneration,
)
from domain.gccp.events import GccpEvent
from domain.gccp.generation import (
    GenerationCancelled,
    GenerationCompleted,
    GenerationEvent,
    GenerationFailed,
    GenerationQueued,
    GenerationRetried,
    GenerationStarted,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put

NO_FAILURE = {"failed_step": None, "code": None, "cause": None, "error": None}


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case OfGeneration() as fact:
            yield _change(fact)


def _change(fact: GenerationEvent) -> Change:
    match fact:
        case GenerationQueued():
            return _queued(fact)
        case CallAnswered() | GenerationStepStarted():
            return change(fact.generation_id, **_progress(fact))
        case GenerationStarted():
            return change(fact.generation_id, status="processing", started_at=fact.at)
        case GenerationRetried():
            return _requeued(fact)
        case GenerationCompleted() | GenerationFailed() | GenerationCancelled():
            return change(fact.generation_id, finished_at=fact.at, retry_at=None, **_end(fact))
        case _:
            assert_never(fact)


def _queued(queued: GenerationQueued) -> Change:
    return put(
        queued.generation_id,
        owner=queued.owner,
        status="queued",
        mode=queued.mode.value,
        topic=queued.topic,
        subtopics=queued.subtopics,
        mcsc=queued.counts.mcsc,
        mcmc=queued.counts.mcmc,
        subjective=queued.counts.subjective,
        step=domain.STEPS[0].value,
        steps_done=0,
        created_at=queued.at,
        queued_at=queued.at,
    )


def _requeued(retried: GenerationRetried) -> Change:
    return change(
        retried.generation_id,
        status="queued",
        queued_at=retried.at,
        finished_at=None,
        duration_seconds=None,
        resumed_from=retried.resumed_from.value,
        **NO_FAILURE,
    )


def _progress(called: CallEvent) -> dict[str, object]:
    match called:
        case GenerationStepStarted():
            return {"step": called.step.value, "retry_at": None}
        case GenerationStepDeferred():
            return {"retry_at": called.retry_at}
        case GenerationStepCompleted():
            return {"steps_done": domain.STEPS.index(called.step) + 1, "retry_at": None}
        case GenerationAnswerUnfit() | GenerationStepFailed() | GenerationAnswerDiscarded():
            return {"retry_at": None}
        case _:
            assert_never(called)


def _end(over: GenerationCompleted | GenerationFailed | GenerationCancelled) -> dict[str, object]:
    match over:
        case GenerationCompleted():
            return {"status": "completed", "duration_seconds": over.duration_seconds}
        case GenerationCancelled():
            return {"status": "cancelled"}
        case GenerationFailed():
            why = {"failed_step": over.step.value, "code": over.code.value, "cause": over.cause, "error": over.reason}
            return {"status": "failed", "duration_seconds": over.duration_seconds, **why}


GENERATIONS = ReadModel(
    "gccp_generations",
    version=1,
    key=("generation_id",),
    project=project,
    subject="owner",
    personal=("topic", "subtopics", "error"),
    ddl="""
    create table {table} (
        generation_id       uuid primary key,
        owner               text not null,
        status              text not null,
        mode                text not null,
        topic               text,
        subtopics           text,
        mcsc                int not null,
        mcmc                int not null,
        subjective          int not null,
        step                text not null,
        steps_done          int not null,
        resumed_from        text,
        retry_at            timestamptz,
        failed_step         text,
        code                text,
        cause               text,
        error               text,
        created_at          timestamptz not null,
        queued_at           timestamptz not null,
        started_at          timestamptz,
        finished_at         timestamptz,
        duration_seconds    double precision
    );
    create index on {table} (owner, created_at desc, generation_id);
""",
)


class GenerationRow(NamedTuple):
    """A generation. Texts are None once the owner has been erased. Seconds are those since it was (last) queued."""

    generation_id: UUID
    owner: str
    status: str
    mode: str
    topic: str | None
    subtopics: str | None
    mcsc: int
    mcmc: int
    subjective: int
    step: str
    steps_done: int
    resumed_from: str | None
    retry_at: datetime | None
    failed_step: str | None
    code: str | None
    cause: str | None
    error: str | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None


COLUMNS = ", ".join(GenerationRow._fields)


async def by_id(connection: AsyncConnection[Row], generation_id: UUID) -> GenerationRow | None:
    """The generation with this id, of any owner; check `row.owner`."""
    sql = f"select {COLUMNS} from gccp_generations where generation_id = %s"
    row = await (await connection.execute(sql, (generation_id,))).fetchone()
    return None if row is None else GenerationRow(*row)


async def of_owner(
    connection: AsyncConnection[Row], owner: str, limit: int, before: GenerationRow | None = None
) -> list[GenerationRow]:
    """The owner's generations, the latest first; with `before`, the next page."""
    created_at, generation_id = (None, None) if before is None else (before.created_at, before.generation_id)
    sql = f"""
        select {COLUMNS} from gccp_generations
         where owner = %s and (%s::timestamptz is null or (created_at, generation_id) < (%s, %s))
         order by created_at desc, generation_id desc limit %s
    """
    values = (owner, created_at, created_at, generation_id, limit)
    rows = await (await connection.execute(sql, values)).fetchall()
    return [GenerationRow(*row) for row in rows]

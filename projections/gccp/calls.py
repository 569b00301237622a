"""One row per attempt at a generation's calls, answered or given up, with its result and usage.

The sum of a generation's rows is its cost. `result` is completed, unfit, deferred,
rejected, unconfirmed (the answer was lost) or discarded (it came too late to be used).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp.call import (
    AnyCallAnswered,
    CallAnswered,
    GenerationAnswerDiscarded,
    GenerationAnswerUnfit,
    GenerationStepCompleted,
    GenerationStepDeferred,
    GenerationStepFailed,
)
from domain.gccp.events import GccpEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case CallAnswered() as answered:
            used = answered.usage
            yield put(
                answered.generation_id,
                answered.call,
                answered.attempt,
                owner=answered.owner,
                step=answered.step.value,
                provider=answered.provider,
                at=answered.at,
                model=used.model,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cost_microcents=used.cost_microcents,
                estimated=used.estimated,
                **_result(answered),
            )


def _result(answered: AnyCallAnswered) -> dict[str, object]:
    match answered:
        case GenerationStepDeferred():
            why = {"code": answered.code, "reason": answered.reason}
            return {"result": "deferred", **why, "retry_at": answered.retry_at}
        case GenerationStepFailed():
            return {"result": answered.result.value, "code": answered.code, "reason": answered.reason, "retry_at": None}
        case GenerationAnswerUnfit():
            return {"result": "unfit", "code": None, "reason": answered.fault, "retry_at": None}
        case GenerationStepCompleted():
            return {"result": "completed", "code": None, "reason": None, "retry_at": None}
        case GenerationAnswerDiscarded():
            return {"result": "discarded", "code": None, "reason": None, "retry_at": None}
        case _:
            assert_never(answered)


CALLS = ReadModel(
    "gccp_generation_calls",
    version=1,
    key=("generation_id", "call", "attempt"),
    project=project,
    subject="owner",
    personal=("reason",),
    ddl="""
    create table {table} (
        generation_id       uuid not null,
        call                int not null,
        attempt             int not null,
        owner               text not null,
        step                text not null,
        result              text not null,
        provider            text not null,
        model               text not null,
        input_tokens        bigint not null,
        output_tokens       bigint not null,
        cost_microcents     bigint not null,
        estimated           boolean not null,
        code                text,
        reason              text,
        at                  timestamptz not null,
        retry_at            timestamptz,
        primary key (generation_id, call, attempt)
    );
""",
)


class CallRow(NamedTuple):
    """One attempt at a call. `cost_microcents`: a millionth of a US cent."""

    call: int
    attempt: int
    step: str
    result: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_microcents: int
    estimated: bool
    code: str | None
    reason: str | None
    at: datetime
    retry_at: datetime | None


async def calls_of(connection: AsyncConnection[Row], generation_id: UUID) -> list[CallRow]:
    """Every attempt of the generation, in order."""
    columns = ", ".join(CallRow._fields)
    sql = f"select {columns} from gccp_generation_calls where generation_id = %s order by call, attempt"
    return [CallRow(*row) for row in await (await connection.execute(sql, (generation_id,))).fetchall()]

"""One row per proxied call: open, completed, disconnected (the client left) or failed, with its usage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.gccp.ai_call import (
    AiCallEnded,
    AiReplyCompleted,
    AiReplyFailed,
    AiReplyStarted,
    AiStreamCompleted,
    AiStreamFailed,
    AiStreamStarted,
    AnyAiCallEnded,
)
from domain.gccp.events import GccpEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case AiStreamStarted() | AiReplyStarted() as begun:
            yield put(
                begun.call_id,
                owner=begun.owner,
                streamed=isinstance(begun, AiStreamStarted),
                status="open",
                model=begun.model,
                max_tokens=begun.max_tokens,
                started_at=begun.at,
            )
        case AiCallEnded() as ended:
            used = ended.usage.model_dump(include={"input_tokens", "output_tokens", "cost_microcents", "estimated"})
            yield change(ended.call_id, ended_at=ended.at, duration_ms=ended.duration_ms, **used, **_result(ended))


def _result(ended: AnyAiCallEnded) -> dict[str, object]:
    match ended:
        case AiStreamFailed() | AiReplyFailed():
            return {"status": "failed", "code": ended.code, "reason": ended.reason}
        case AiReplyCompleted():
            return {"status": "completed", "stop_reason": ended.stop_reason}
        case AiStreamCompleted():
            status = "disconnected" if ended.disconnected else "completed"
            return {"status": status, "stop_reason": ended.stop_reason, "first_chunk_ms": ended.first_chunk_ms}
        case _:
            assert_never(ended)


AI_CALLS = ReadModel(
    "gccp_ai_calls",
    version=1,
    key=("call_id",),
    project=project,
    subject="owner",
    personal=("reason",),
    ddl="""
    create table {table} (
        call_id             uuid primary key,
        owner               text not null,
        streamed            boolean not null,
        status              text not null,
        model               text not null,
        max_tokens          int not null,
        input_tokens        bigint not null default 0,
        output_tokens       bigint not null default 0,
        cost_microcents     bigint not null default 0,
        estimated           boolean not null default false,
        stop_reason         text,
        code                text,
        reason              text,
        started_at          timestamptz not null,
        first_chunk_ms      bigint,
        duration_ms         bigint,
        ended_at            timestamptz
    );
    create index on {table} (owner, started_at desc);
""",
)


class AiCallRow(NamedTuple):
    """A proxied call. `estimated`: the usage was not counted by the provider."""

    call_id: UUID
    streamed: bool
    status: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_microcents: int
    estimated: bool
    stop_reason: str | None
    code: str | None
    reason: str | None
    started_at: datetime
    first_chunk_ms: int | None
    duration_ms: int | None


async def ai_calls_of(connection: AsyncConnection[Row], owner: str, limit: int) -> list[AiCallRow]:
    """The owner's proxied calls, the latest first."""
    columns = ", ".join(AiCallRow._fields)
    sql = f"select {columns} from gccp_ai_calls where owner = %s order by started_at desc limit %s"
    return [AiCallRow(*row) for row in await (await connection.execute(sql, (owner, limit))).fetchall()]

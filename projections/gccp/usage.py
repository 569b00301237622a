"""One row per owner, UTC day and kind (generation, stream, reply): calls begun that day, and usage of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.gccp.ai_call import (
    AiCallEnded,
    AiReplyCompleted,
    AiReplyFailed,
    AiReplyStarted,
    AiStreamStarted,
)
from domain.gccp.call import CallAnswered, GenerationStepStarted
from domain.gccp.events import GccpEvent
from domain.gccp.usage import Usage
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, add


def project(event: Recorded[GccpEvent]) -> Iterator[Change]:
    match event.fact:
        case GenerationStepStarted() as started:
            yield add(started.owner, started.at.date(), "generation", calls=1)
        case AiStreamStarted() | AiReplyStarted() as begun:
            kind = "stream" if isinstance(begun, AiStreamStarted) else "reply"
            yield add(begun.owner, begun.at.date(), kind, calls=1)
        case CallAnswered() as answered:
            yield add(answered.owner, answered.at.date(), "generation", **_used(answered.usage))
        case AiCallEnded() as ended:
            kind = "reply" if isinstance(ended, AiReplyCompleted | AiReplyFailed) else "stream"
            yield add(ended.owner, ended.at.date(), kind, **_used(ended.usage))


def _used(usage: Usage) -> dict[str, int]:
    return usage.model_dump(include={"input_tokens", "output_tokens", "cost_microcents"})


USAGE = ReadModel(
    "gccp_usage",
    version=1,
    key=("owner", "day", "kind"),
    project=project,
    ddl="""
    create table {table} (
        owner               text not null,
        day                 date not null,
        kind                text not null,
        calls               bigint not null default 0,
        input_tokens        bigint not null default 0,
        output_tokens       bigint not null default 0,
        cost_microcents     bigint not null default 0,
        primary key (owner, day, kind)
    );
""",
)


class UsageRow(NamedTuple):
    """The usage of an owner on a day, of one kind. `cost_microcents`: a millionth of a US cent."""

    day: date
    kind: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_microcents: int


async def usage_of(connection: AsyncConnection[Row], owner: str, first: date, last: date) -> list[UsageRow]:
    """The owner's usage on these days, both included, the earliest first."""
    columns = ", ".join(UsageRow._fields)
    sql = f"select {columns} from gccp_usage where owner = %s and day between %s and %s order by day, kind"
    return [UsageRow(*row) for row in await (await connection.execute(sql, (owner, first, last))).fetchall()]

"""One row per outgoing webhook and its status. Every context that sends webhooks has its own table.

`status` is queued, put_off (until `resume_at`), held (its endpoint was disabled), delivered or failed. `sequence` is
the place in the log of its first event, from which recovery starts. Its body is in the log only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.webhooks import (
    OfWebhook,
    WebhookAttemptFailed,
    WebhookDelivered,
    WebhookEvent,
    WebhookFailed,
    WebhookHeld,
    WebhookPutOff,
    WebhookQueued,
)
from streams.core.envelope import Position, Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put

DDL = """
    create table {table} (
        webhook_id      text primary key,
        endpoint_id     text not null,
        data_subject    text not null,
        event_type      text not null,
        status          text not null,
        round           int not null,
        code            text,
        reason          text,
        at              timestamptz not null,
        resume_at       timestamptz,
        ended_at        timestamptz,
        sequence        bigint not null
    );
    create index on {table} (endpoint_id, sequence) where status in ('held', 'failed');
"""


def project(event: Recorded[WebhookEvent]) -> Iterator[Change]:
    match event.fact:
        case OfWebhook() as fact:
            yield _change(fact, event.position.sequence)


def _change(fact: WebhookEvent, sequence: int) -> Change:
    match fact:
        case WebhookQueued(round=1) | WebhookHeld(round=0):
            return _first(fact, sequence)
        case WebhookQueued():
            return change(fact.webhook_id, status="queued", round=fact.round, resume_at=None)
        case WebhookHeld():
            return change(fact.webhook_id, status="held", resume_at=None)
        case WebhookAttemptFailed():
            return change(fact.webhook_id, code=fact.code, reason=fact.reason, resume_at=fact.retry_at)
        case WebhookPutOff():
            why = {"code": fact.code, "reason": fact.reason}
            return change(fact.webhook_id, status="put_off", resume_at=fact.resume_at, **why)
        case WebhookDelivered():
            return change(fact.webhook_id, status="delivered", resume_at=None, ended_at=fact.at)
        case WebhookFailed():
            why = {"code": fact.code, "reason": fact.reason}
            return change(fact.webhook_id, status="failed", resume_at=None, ended_at=fact.at, **why)
        case _:
            assert_never(fact)


def _first(fact: WebhookQueued | WebhookHeld, sequence: int) -> Change:
    return put(
        fact.webhook_id,
        endpoint_id=fact.endpoint_id,
        data_subject=fact.data_subject,
        event_type=fact.event_type,
        status="queued" if isinstance(fact, WebhookQueued) else "held",
        round=fact.round,
        at=fact.at,
        sequence=sequence,
    )


def webhooks_of(context: str) -> ReadModel:
    """The read model of a context's webhooks, `<context>_webhooks`."""
    return ReadModel(f"{context}_webhooks", version=1, key=("webhook_id",), project=project, ddl=DDL)


class WebhookRow(NamedTuple):
    """A webhook. `data_subject` is `context:id`."""

    webhook_id: str
    data_subject: str
    sequence: int


async def undelivered(
    connection: AsyncConnection[Row], context: str, endpoint_id: str, after: int = 0, limit: int = 1000
) -> list[WebhookRow]:
    """The webhooks that failed or were held after that sequence, in order, for a RecoverWebhook each."""
    sql = f"""
        select {", ".join(WebhookRow._fields)} from {context}_webhooks
         where endpoint_id = %s and status in ('held', 'failed') and sequence > %s order by sequence limit %s
    """
    rows = await (await connection.execute(sql, (endpoint_id, after, limit))).fetchall()
    return [WebhookRow(*row) for row in rows]


class Backlog(NamedTuple):
    """The webhooks of an endpoint that have not arrived, by number, and the reason of the latest failure."""

    endpoint_id: str
    waiting: int
    missed: int
    reason: str | None


async def backlogs(connection: AsyncConnection[Row], context: str) -> dict[str, Backlog]:
    """The backlog of each endpoint that has one."""
    sql = f"""
        select endpoint_id, count(*) filter (where status in ('queued', 'put_off')),
               count(*) filter (where status in ('held', 'failed')),
               (array_agg(reason order by sequence desc) filter (where reason is not null))[1]
          from {context}_webhooks where status <> 'delivered' group by endpoint_id
    """
    found = (Backlog(*row) for row in await (await connection.execute(sql)).fetchall())
    return {one.endpoint_id: one for one in found}


async def queued_at(connection: AsyncConnection[Row], context: str, endpoint_id: str, position: Position) -> int | None:
    """The sequence of the endpoint's webhook about the event at this position; None if there is none."""
    sql = f"""
        select w.sequence from {context}_webhooks w
          join headwater.journal q on q.context = %s and q.stream = 'webhook/' || w.webhook_id and q.version = 1
          join headwater.journal e on e.event_id = q.causation_id
         where w.endpoint_id = %s and (e.context, e.partition, e.sequence) = (%s, %s, %s)
    """
    row = await (await connection.execute(sql, (context, endpoint_id, *position))).fetchone()
    if row is None:
        return None
    (sequence,) = row
    return int(sequence)

"""One row per webhook that goes out: where it stands. Every context that sends webhooks keeps a table of its own.

`status` is queued, put_off (until `resume_at`), held (its endpoint was disabled), delivered or failed. `sequence` is
the place in the log where it was first queued or held: what recovery starts from. Its body is in the log only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.webhooks import (
    WebhookAttemptFailed,
    WebhookDelivered,
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


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case WebhookQueued(round=1) | WebhookHeld(round=0) as first:
            status = "queued" if isinstance(first, WebhookQueued) else "held"
            yield put(
                first.webhook_id,
                endpoint_id=first.endpoint_id,
                data_subject=first.data_subject,
                event_type=first.event_type,
                status=status,
                round=first.round,
                at=first.at,
                sequence=event.position.sequence,
            )
        case WebhookQueued() as queued:
            yield change(queued.webhook_id, status="queued", round=queued.round, resume_at=None)
        case WebhookHeld() as held:
            yield change(held.webhook_id, status="held", resume_at=None)
        case WebhookAttemptFailed() as failed:
            yield change(failed.webhook_id, code=failed.code, reason=failed.reason, resume_at=failed.retry_at)
        case WebhookPutOff() as put_off:
            yield change(
                put_off.webhook_id,
                status="put_off",
                code=put_off.code,
                reason=put_off.reason,
                resume_at=put_off.resume_at,
            )
        case WebhookDelivered() as done:
            yield change(done.webhook_id, status="delivered", resume_at=None, ended_at=done.at)
        case WebhookFailed() as failed:
            yield change(
                failed.webhook_id,
                status="failed",
                code=failed.code,
                reason=failed.reason,
                resume_at=None,
                ended_at=failed.at,
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
    """What failed or was held after that sequence, in order: what a RecoverWebhook each brings on its way again."""
    sql = f"""
        select {", ".join(WebhookRow._fields)} from {context}_webhooks
         where endpoint_id = %s and status in ('held', 'failed') and sequence > %s order by sequence limit %s
    """
    rows = await (await connection.execute(sql, (endpoint_id, after, limit))).fetchall()
    return [WebhookRow(*row) for row in rows]


async def queued_at(connection: AsyncConnection[Row], context: str, endpoint_id: str, position: Position) -> int | None:
    """The sequence that the webhook about the event at this position has among its endpoint's; None without one."""
    sql = f"""
        select w.sequence from {context}_webhooks w
          join headwater.journal q on q.context = %s and q.stream = 'webhook/' || w.webhook_id and q.version = 1
          join headwater.journal e on e.event_id = q.causation_id
         where w.endpoint_id = %s and (e.context, e.partition, e.sequence) = (%s, %s, %s)
    """
    row = await (await connection.execute(sql, (context, endpoint_id, *position))).fetchone()
    return None if row is None else int(row[0])

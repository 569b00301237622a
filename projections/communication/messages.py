"""One row per message: asked for, waiting, dispatched or called off. What came of it stands in the deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.communication.message import (
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageHeld,
    MessageRequested,
    Phase,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case MessageRequested() as requested:
            yield put(
                requested.message_id,
                user_id=requested.user_id,
                trigger_type=requested.trigger_type.value,
                priority=requested.priority.value,
                wish=requested.wish.value,
                fallback=requested.fallback,
                phase=Phase.WAITING.value,
                created_at=requested.at,
                due_at=requested.due_at,
                batch_id=requested.batch_id,
            )
        case MessageHeld() as held:
            yield change(held.message_id, held_until=held.until, reason=held.decision.reason)
        case MessageDispatched() as dispatched:
            yield change(
                dispatched.message_id,
                phase=Phase.DISPATCHED.value,
                started_at=dispatched.at,
                fallback=dispatched.fallback,
                reason=None,
            )
        case MessageBlocked() as blocked:
            yield change(blocked.message_id, phase=Phase.REVOKED.value, reason=blocked.reason, ended_at=blocked.at)
        case MessageCancelled() as cancelled:
            yield change(cancelled.message_id, phase=Phase.REVOKED.value, reason="cancelled", ended_at=cancelled.at)


MESSAGES = ReadModel(
    "communication_messages",
    version=1,
    key=("message_id",),
    project=project,
    ddl="""
    create table {table} (
        message_id      uuid primary key,
        user_id         bigint not null,
        trigger_type    text not null,
        priority        text not null,
        wish            text not null,
        fallback        boolean not null,
        phase           text not null,
        reason          text,
        created_at      timestamptz not null,
        due_at          timestamptz not null,
        held_until      timestamptz,
        started_at      timestamptz,
        ended_at        timestamptz,
        batch_id        uuid
    );
    create index on {table} (user_id, created_at desc);
    create index on {table} (batch_id) where batch_id is not null;
""",
)

"""One row per message: waiting, dispatched or called off. The deliveries hold its further course."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.communication.delivery import DeliveryEvent, OfMessage, ReceiptNoted
from domain.communication.events import CommunicationEvent
from domain.communication.message import (
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageEvent,
    MessageHeld,
    MessagePhase,
    MessageRequested,
    ReservationReturned,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case OfMessage() as fact:
            row = _change(fact)
            if row is not None:
                yield row


def _change(fact: MessageEvent) -> Change | None:
    match fact:
        case MessageRequested():
            return _requested(fact)
        case MessageHeld():
            return change(fact.message_id, held_until=fact.until, reason=fact.decision.reason)
        case MessageDispatched():
            phase = MessagePhase.DISPATCHED.value
            return change(fact.message_id, phase=phase, started_at=fact.at, fallback=fact.fallback, reason=None)
        case MessageBlocked():
            return change(fact.message_id, phase=MessagePhase.REVOKED.value, reason=fact.reason, ended_at=fact.at)
        case MessageCancelled():
            return change(fact.message_id, phase=MessagePhase.REVOKED.value, reason="cancelled", ended_at=fact.at)
        case ReservationReturned() | ReceiptNoted():
            return None
        case DeliveryEvent():
            return None  # the deliveries show it
        case _:
            assert_never(fact)


def _requested(requested: MessageRequested) -> Change:
    return put(
        requested.message_id,
        user_id=requested.user_id,
        trigger_type=requested.trigger_type.value,
        priority=requested.priority.value,
        wish=requested.wish.value,
        fallback=requested.fallback,
        phase=MessagePhase.WAITING.value,
        created_at=requested.at,
        due_at=requested.due_at,
        batch_id=requested.batch_id,
    )


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
